import type { Reading } from '../model/readings.js'
import { words } from './words.js'

/** One line of a chart. */
export interface Line {
  readonly name: string
  readonly read: (reading: Reading) => number | undefined
}

interface Props {
  readonly title: string
  readonly readings: readonly Reading[]
  readonly lines: readonly Line[]
}

const WIDTH = 300
const HEIGHT = 96
/** The least stretch of time that a chart shows, milliseconds; it grows with what there is. */
const LEAST_SPAN = 60_000

/** Values over time. The numbers stand beside it as text. */
export function Chart({ title, readings, lines }: Props) {
  const values = lines.flatMap(({ read }) => readings.map(read).filter(isMeasured))
  const top = roundUp(Math.max(1, ...values))
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {lines.map(({ name, read }, i) => (
          <span key={name} class="chart-key">
            {lines.length > 1 && <span class={`chart-swatch line-${i}`} aria-hidden="true" />}
            {lines.length > 1 && `${name} `}
            <b>{show(latest(readings, read))}</b>
          </span>
        ))}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={lines
          .map(({ name, read }) => {
            const highest = Math.max(0, ...readings.map(read).filter(isMeasured))
            return words.charts.describe(name, show(latest(readings, read)), show(highest))
          })
          .join('. ')}
      >
        <path class="chart-grid" d={`M0 ${HEIGHT / 2}H${WIDTH}M0 0.5H${WIDTH}`} />
        <path class="chart-axis" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {lines.map(({ name, read }, i) => (
          <path key={name} class={`chart-line line-${i}`} d={pathOf(readings, read, top)} />
        ))}
      </svg>
      <span class="chart-top" aria-hidden="true">
        {show(top)}
      </span>
      {values.length === 0 && <p class="hint chart-empty">{words.charts.nothing}</p>}
    </figure>
  )
}

function isMeasured(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value)
}

function latest(readings: readonly Reading[], read: Line['read']): number | undefined {
  return readings.map(read).findLast((value) => value !== undefined)
}

/** A line that is broken where nothing was measured; above all bounds it lies at the top. */
function pathOf(readings: readonly Reading[], read: Line['read'], top: number): string {
  const end = readings.at(-1)?.time ?? 0
  const span = Math.max(LEAST_SPAN, end - (readings[0]?.time ?? 0))
  let path = ''
  let pen = 'M'
  for (const reading of readings) {
    const value = read(reading)
    if (value === undefined) {
      pen = 'M'
      continue
    }
    const x = WIDTH * (1 - (end - reading.time) / span)
    const y = (HEIGHT - 2) * (1 - Math.min(value, top) / top) + 1
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
    // A lone point is a dot of the line's width.
    if (pen === 'M') path += 'h0'
    pen = 'L'
  }
  return path
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10)
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

function show(value: number | undefined): string {
  if (value === undefined) return '–'
  return Number.isFinite(value) ? number.format(value) : '> 5,000'
}
