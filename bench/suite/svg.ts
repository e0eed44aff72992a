/** Colours by peer, in light and dark; whoever is not named is grey. */
const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  parley: ['#0b6bcb', '#5aa9ff'],
  bun: ['#a15c00', '#e0a860'],
  socketio: ['#6b7280', '#9aa3af'],
  'fastify-ws': ['#8b93a1', '#7b8494'],
  nchan: ['#2f7d4f', '#6cc08f'],
}

const fills = (shade: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([name, pair]) => `.${name}{fill:${pair[shade]}}.line.${name}{stroke:${pair[shade]}}`)
    .join('')

/** A drawing that is readable on a light and on a dark page. */
export function svg(width: number, height: number, title: string, body: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#3b4351}
.title{font-size:14px;font-weight:600;fill:#111827}.note{fill:#596273}.end{text-anchor:end}.middle{text-anchor:middle}
.own{font-weight:600;fill:#111827}.line{fill:none!important;stroke-width:2}.rule{stroke:#d5dae2}
${fills(0)}
@media(prefers-color-scheme:dark){text{fill:#c3cad6}.title,.own{fill:#f3f5f8}.note{fill:#98a2b3}.rule{stroke:#3a4352}${fills(1)}}
</style>
${body.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')
}

/** Text at a place; classes of the style above. */
export function text(x: number, y: number, content: string, classes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}">${escaped(content)}</text>`
}

export function bar(x: number, y: number, width: number, height: number, classes: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(width, 1))}" height="${height}" rx="2" class="${classes}"/>`
}

export function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" class="rule"/>`
}

/** A line through points, each marked. */
export function line(points: readonly (readonly [number, number])[], classes: string): string {
  const path = points.map(([x, y]) => `${round(x)} ${round(y)}`).join('L')
  const dots = points.map(([x, y]) => {
    return `<circle cx="${round(x)}" cy="${round(y)}" r="3" class="${classes}"/>`
  })
  return `<path d="M${path}" class="line ${classes}"/>${dots.join('')}`
}

const round = (value: number) => Math.round(value * 10) / 10
