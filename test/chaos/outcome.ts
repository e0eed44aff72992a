import type { HistoryEvent } from './history.js'
import { type BrokerKind, FAULT_KINDS, type FaultKind, faultsOf } from './schedule.js'

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
  readonly broker: BrokerKind
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
  const injected = total(Object.values(faults))
  const { acknowledged, delivered, reconnects } = counts
  const result = violations.length === 0 ? 'ok' : `${violations.length} VIOLATIONS`
  return (
    `seed ${seed}: ${result}, ${injected} faults, ${acknowledged} acknowledged, ` +
    `${delivered} delivered, ${reconnects} connects, settled in ${Math.round(settled)} ms`
  )
}

/** The violations of a run, with what is needed to look further and to see it again. */
export function report({ broker, seed, seconds, folder, violations }: Outcome): string {
  if (violations.length === 0) return ''
  const shown = violations.slice(0, 5).map((lines) => lines.join('\n'))
  const more = violations.length > 5 ? [`… and ${violations.length - 5} more`] : []
  return [
    `seed ${seed} broke a promise:`,
    ...shown,
    ...more,
    `histories and server log: ${folder}`,
    `again: npm run chaos -- --broker ${broker} --seed ${seed} --seconds ${seconds}`,
  ].join('\n')
}

/** Everything that several runs did, as tables in Markdown. */
export function table(outcomes: readonly Outcome[]): string {
  const sum = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const settled = outcomes.map((outcome) => outcome.settled).sort((a, b) => a - b)
  const memory = Math.max(0, ...outcomes.map((outcome) => outcome.peakMemory)) / 1024
  const figures: [name: string, figure: string | number][] = [
    ['runs', outcomes.length],
    ['seconds of faults in each', outcomes[0]?.seconds ?? 0],
    ['faults injected', sum(({ faults }) => total(Object.values(faults)))],
    ['clients', sum(({ counts }) => counts.clients)],
    ['connections they made', sum(({ counts }) => counts.reconnects)],
    ['messages sent', sum(({ counts }) => counts.sent)],
    ['messages acknowledged, each looked for in the log', sum(({ counts }) => counts.acknowledged)],
    ['messages delivered, each compared with the log', sum(({ counts }) => counts.delivered)],
    ['times a client was told to start anew (`reset`)', sum(({ counts }) => counts.resets)],
    ['messages in the final logs', sum(({ logged }) => logged)],
    ['until all had everything: median', `${Math.round(settled[settled.length >> 1] ?? 0)} ms`],
    ['until all had everything: longest', `${Math.round(settled.at(-1) ?? 0)} ms`],
    ['server memory, peak', `${Math.round(memory)} MB`],
    ['**violations**', `**${sum(({ violations }) => violations.length)}**`],
  ]
  return [
    '| | |',
    '| --- | ---: |',
    ...figures.map(([name, figure]) => `| ${name} | ${figure} |`),
    '',
    '| fault | injected |',
    '| --- | ---: |',
    ...kindsOf(outcomes).map((kind) => `| ${kind} | ${faultCell(kind, outcomes)} |`),
  ].join('\n')
}

/** The kinds of faults that there were for these runs. */
function kindsOf(outcomes: readonly Outcome[]): FaultKind[] {
  return FAULT_KINDS.filter((kind) => outcomes.some(({ broker }) => kind in faultsOf(broker)))
}

/** How often a kind was injected, and why not where it never was. */
function faultCell(kind: FaultKind, outcomes: readonly Outcome[]): string {
  const count = total(outcomes.map(({ faults }) => faults[kind] ?? 0))
  const reason = outcomes.find(({ skipped }) => skipped[kind])?.skipped[kind]
  return count === 0 && reason ? `0 (${reason})` : String(count)
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}
