import { type Figures, figuresOf, type Measurement, perConnectionOf, ratio } from './measurement.js'
import { peers } from './peers.js'
import type { Case, Work } from './works.js'

/** Peers that everybody is compared with. */
const MEASURES = ['bun', 'socketio', 'fastify-ws'] as const

/** Few digits, but always enough to tell two values apart. */
export function short(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

const titleOf = (name: string) => peers.find((peer) => peer.name === name)?.title ?? name

/** Rows of a table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** All peers in one case. */
export function caseTable(work: Work, { label, load }: Case, runs: readonly Measurement[]): string {
  const here = peers.filter(({ name }) => runs.some(({ peer }) => peer === name))
  const measures = MEASURES.filter((name) => here.some((peer) => peer.name === name))
  const idle = load.work === 'idle'
  const timed = load.work !== 'idle' && load.work !== 'handshakes'
  const head = [
    label,
    ...(idle ? ['KB each'] : [`CPU µs a ${work.unit}`]),
    ...measures.map((name) => `× ${titleOf(name)}`),
    `${work.unit}s/s`,
    ...(timed ? ['p50 ms', 'p99 ms'] : []),
    'RSS MB',
    'generator',
    'faults',
  ]
  const rows = here.map(({ name, title }) => {
    const f: Figures = figuresOf(
      name,
      runs.filter(({ peer }) => peer === name),
    )
    return [
      title,
      short(idle ? f.perConnection : f.cpu),
      ...measures.map((other) =>
        short(idle ? ratio(runs, name, other, perConnectionOf) : ratio(runs, name, other)),
      ),
      short(f.rate),
      ...(timed ? [short(f.p50), short(f.p99)] : []),
      short(f.rss),
      `${Math.round(f.generator * 100)} %`,
      String(f.faults),
    ]
  })
  return table(head, rows)
}
