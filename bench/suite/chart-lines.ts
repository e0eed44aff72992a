import { line, rule, svg, text } from './svg.js'
import { short } from './table.js'

export interface LinePanel {
  readonly title: string
  /** What the points of every line are at, ascending. */
  readonly at: readonly number[]
  readonly lines: readonly {
    readonly name: string
    readonly label: string
    readonly values: readonly number[]
  }[]
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [390, 230, 46, 106, 40, 34]

/** Panels of lines, both scales logarithmic: a straight line upwards is growth by a power. */
export function lineChart(title: string, note: string, panels: readonly LinePanel[]): string {
  const body = [text(8, 20, title, 'title'), text(8, 38, note, 'note')]
  panels.forEach((panel, i) => {
    body.push(...linePanel(panel, (i % 2) * WIDTH + 8, 48 + Math.floor(i / 2) * HEIGHT))
  })
  const rows = Math.ceil(panels.length / 2)
  return svg(WIDTH * 2, 48 + rows * HEIGHT + 8, `${title}. ${note}`, body)
}

function linePanel({ title, at, lines }: LinePanel, left: number, top: number): string[] {
  const values = lines.flatMap(({ values }) => values).filter((value) => value > 0)
  const [low, high] = [powerBelow(Math.min(...values)), powerAbove(Math.max(...values))]
  const x = scale(at[0] as number, at.at(-1) as number, left + LEFT, left + WIDTH - RIGHT)
  const y = scale(low, high, top + HEIGHT - BOTTOM, top + TOP)
  const parts = [text(left, top + 18, title, 'own')]
  for (let value = low; value <= high * 1.001; value *= 10) {
    parts.push(rule(left + LEFT, y(value), left + WIDTH - RIGHT, y(value)))
    parts.push(text(left + LEFT - 6, y(value) + 4, label(value), 'end note'))
  }
  for (const value of at) {
    parts.push(
      text(x(value), top + HEIGHT - BOTTOM + 18, value.toLocaleString('en'), 'middle note'),
    )
  }
  const ends = spread(lines.map(({ values }) => y(values.at(-1) as number)))
  lines.forEach(({ name, label, values }, i) => {
    const points = values.map((value, i): [number, number] => [x(at[i] as number), y(value)])
    parts.push(line(points, name))
    const words = `${label} ${short(values.at(-1))}`
    parts.push(
      text(
        left + WIDTH - RIGHT + 8,
        (ends[i] as number) + 4,
        words,
        name === 'parley' ? 'own' : '',
      ),
    )
  })
  return parts
}

const label = (value: number) =>
  value >= 1 ? value.toLocaleString('en') : String(+value.toFixed(3))
const powerBelow = (value: number) => 10 ** Math.floor(Math.log10(value))
const powerAbove = (value: number) => 10 ** Math.ceil(Math.log10(value))

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const width = Math.log(to / from) || 1
  return (value) => start + (Math.log(Math.max(value, from) / from) / width) * (end - start)
}

/** Moves labels apart that would lie on one another. */
function spread(places: readonly number[]): number[] {
  const order = places
    .map((_, i) => i)
    .sort((a, b) => (places[a] as number) - (places[b] as number))
  const moved = [...places]
  let least = -Infinity
  for (const i of order) {
    moved[i] = Math.max(places[i] as number, least)
    least = (moved[i] as number) + 14
  }
  return moved
}
