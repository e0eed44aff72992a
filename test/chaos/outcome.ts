import type { HistoryEvent } from './history.js'
import type { FaultKind } from './schedule.js'

/** What was done and seen by clients of one run. */
export interface Counts {
  readonly clients: number
  readonly sent: number
  readonly acknowledged: number
  /** Messages given to clients: each was compared with the log. */
  readonly delivered: number
  readonly reconnects: number
  readonly resets: number
}

/** How one run went. */
export interface Outcome {
  readonly seed: number
  /** Where the histories and the server's log are. */
  readonly folder: string
  readonly seconds: number
  /** Milliseconds from the end of the last fault until everyone had everything. */
  readonly settled: number
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  /** Faults that could not be injected, with the reason. */
  readonly skipped: Readonly<Partial<Record<FaultKind, string>>>
  readonly counts: Counts
  /** Messages in the logs at the end. */
  readonly logged: number
  /** Of any server process, kilobytes. */
  readonly peakMemory: number
  /** Each with the smallest history that shows it. */
  readonly violations: readonly (readonly string[])[]
}

export function countEvents(history: readonly HistoryEvent[]): Counts {
  const count = (matches: (event: HistoryEvent) => boolean) => history.filter(matches).length
  return {
    clients: count(({ type }) => type === 'client'),
    sent: count(({ type }) => type === 'send'),
    acknowledged: count(({ type }) => type === 'ok'),
    delivered: count(({ type }) => type === 'message'),
    reconnects: count((event) => event.type === 'note' && /^connected/.test(event.text)),
    resets: count(({ type }) => type === 'reset'),
  }
}

/** One line for one run. */
export function summary({ seed, counts, faults, violations, settled }: Outcome): string {
  const injected = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const { acknowledged, delivered, reconnects } = counts
  const result = violations.length === 0 ? 'ok' : `${violations.length} VIOLATIONS`
  return (
    `seed ${seed}: ${result}, ${injected} faults, ${acknowledged} acknowledged, ` +
    `${delivered} delivered, ${reconnects} connects, settled in ${Math.round(settled)} ms`
  )
}

/** The violations of a run, with what is needed to look further and to see it again. */
export function report({ seed, seconds, folder, violations }: Outcome): string {
  if (violations.length === 0) return ''
  const shown = violations.slice(0, 5).map((lines) => lines.join('\n'))
  const more = violations.length > 5 ? [`… and ${violations.length - 5} more`] : []
  return [
    `seed ${seed} broke a promise:`,
    ...shown,
    ...more,
    `histories and server log: ${folder}`,
    `again: npm run chaos -- --seed ${seed} --seconds ${seconds}`,
  ].join('\n')
}

/** Everything that several runs did, as a table in Markdown. */
export function table(outcomes: readonly Outcome[]): string {
  const sums = new Map<string, number>()
  const add = (name: string, count: number) => sums.set(name, (sums.get(name) ?? 0) + count)
  for (const { faults, counts, logged, violations } of outcomes) {
    for (const [kind, count] of Object.entries(faults)) add(`fault: ${kind}`, count)
    for (const [name, count] of Object.entries(counts)) add(`messages and clients: ${name}`, count)
    add('messages and clients: in the final logs', logged)
    add('violations', violations.length)
  }
  const settled = outcomes.map((outcome) => outcome.settled).sort((a, b) => a - b)
  const rows = [...sums].sort(([a], [b]) => a.localeCompare(b)).map(([name, n]) => [name, `${n}`])
  rows.unshift(['runs', `${outcomes.length}`], ['seconds each', `${outcomes[0]?.seconds ?? 0}`])
  rows.push(
    ['settled, median', `${Math.round(settled[settled.length >> 1] ?? 0)} ms`],
    ['settled, longest', `${Math.round(settled.at(-1) ?? 0)} ms`],
    [
      'server memory, peak',
      `${Math.round(Math.max(0, ...outcomes.map((o) => o.peakMemory)) / 1024)} MB`,
    ],
  )
  for (const [kind, reason] of outcomes.flatMap(({ skipped }) => Object.entries(skipped))) {
    if (!rows.some(([name]) => name === `skipped: ${kind}`)) rows.push([`skipped: ${kind}`, reason])
  }
  return ['| | |', '| --- | --- |', ...rows.map(([name, n]) => `| ${name} | ${n} |`)].join('\n')
}
