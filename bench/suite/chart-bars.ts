import { bar, svg, text } from './svg.js'
import { short } from './table.js'

export interface BarPanel {
  readonly title: string
  readonly bars: readonly {
    readonly name: string
    readonly label: string
    readonly value: number
  }[]
}

const [PANEL_WIDTH, COLUMNS, LABEL, ROW, HEAD, GAP] = [390, 2, 130, 20, 30, 16]

/** Panels of horizontal bars, each on a scale of its own. */
export function barChart(title: string, note: string, panels: readonly BarPanel[]): string {
  const body: string[] = [text(8, 20, title, 'title'), text(8, 38, note, 'note')]
  let top = 52
  for (let i = 0; i < panels.length; i += COLUMNS) {
    const row = panels.slice(i, i + COLUMNS)
    row.forEach((panel, column) => {
      body.push(...barPanel(panel, column * PANEL_WIDTH + 8, top))
    })
    top += HEAD + ROW * Math.max(...row.map(({ bars }) => bars.length)) + GAP
  }
  return svg(PANEL_WIDTH * COLUMNS, top, `${title}. ${note}`, body)
}

function barPanel({ title, bars }: BarPanel, left: number, top: number): string[] {
  const most = Math.max(...bars.map(({ value }) => value))
  const room = PANEL_WIDTH - LABEL - 70
  const parts = [text(left, top + 16, title, 'own')]
  bars.forEach(({ name, label, value }, i) => {
    const y = top + HEAD - 6 + i * ROW
    const width = (value / most) * room
    const own = name === 'parley' ? 'own' : ''
    parts.push(text(left + LABEL - 8, y + 12, label, `end ${own}`))
    parts.push(bar(left + LABEL, y + 2, width, 14, name))
    parts.push(text(left + LABEL + Math.max(width, 1) + 6, y + 13, short(value), own))
  })
  return parts
}
