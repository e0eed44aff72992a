import { logTables } from './log-tables.js'
import { faultsOf, figuresOf, perConnectionOf, type Run, ratio } from './measurement.js'
import { peers } from './peers.js'
import type { CaseResult, WorkResult } from './results.js'
import { median } from './statistics.js'
import { summary } from './summary.js'
import { short, table } from './table.js'
import type { Work } from './work.js'
import { works } from './works.js'

/** Peers that everybody is compared with. */
const MEASURES = ['bun', 'socketio', 'fastify-ws'] as const

/** The peers that have runs, in the order of the tables. */
export const measured = (runs: readonly Run[]) =>
  peers.filter(({ name }) => runs.some(({ peer }) => peer === name))

/** All works on one page. */
export function resultsPage(results: readonly WorkResult[]): string {
  const parts = results.map((result) => {
    const work = works.find(({ name }) => name === result.name) as Work
    return `## ${work.title}\n\n${work.about}\n\n${workText(result)}\n`
  })
  return `# Results\n\n${HEAD}\n\n${summary(results)}\n\n${parts.join('\n')}`
}

/**
 * Puts the tables into a page that has room for them: between `<!-- name -->` and `<!-- /name -->`,
 * where the name is `summary` or a work's.
 */
export function fillPage(page: string, results: readonly WorkResult[]): string {
  const filled = /<!-- ([\w-]+) -->\n[\s\S]*?<!-- \/\1 -->/g
  return page.replace(filled, (whole, name: string) => {
    const result = results.find((result) => result.name === name)
    const body = name === 'summary' ? summary(results) : result && workText(result)
    return body === undefined ? whole : `<!-- ${name} -->\n${body}\n<!-- /${name} -->`
  })
}

/** The tables of a work, with where they were taken. */
function workText(result: WorkResult): string {
  const work = works.find(({ name }) => name === result.name) as Work
  const body = result.log ? logTables(result.log) : casesText(work, result.cases)
  return `_${result.machine}_\n\n${body}`
}

const HEAD = `Written by \`npm run bench\`; how it is measured and what it means is in
[docs/performance.md](../../docs/performance.md). CPU is that of all threads of the server, medians over the
rounds; × is the median of the ratios inside each round: below 1, it costs less. \`generator\`: the share
of a core that the load generator used. \`faults\`: messages that a member did not get, got twice or out
of order, over all rounds.

![What a delivery costs](cost.svg)

![How costs grow](growth.svg)`

/** All cases of a work. */
export function casesText(work: Work, cases: readonly CaseResult[]): string {
  return cases.map((item) => caseTable(work, item)).join('\n\n')
}

/** All peers in one case. */
export function caseTable(work: Work, item: CaseResult): string {
  if (work.table === 'faults') return faultsTable(item)
  if (work.table === 'slices') return slicesTable(item)
  return costTable(work, item)
}

function costTable(work: Work, { label, load, runs }: CaseResult): string {
  const measures = MEASURES.filter((name) => runs.some(({ peer }) => peer === name))
  const idle = load.work === 'idle'
  const timed = load.work === 'chat' || load.work === 'echo'
  const head = [
    label,
    idle ? 'KB each' : `CPU µs a ${work.unit}`,
    ...measures.map((name) => `× ${peers.find((peer) => peer.name === name)?.title}`),
    `${work.unit}s/s`,
    ...(timed ? ['p50 ms', 'p99 ms'] : []),
    'RSS MB',
    'generator',
    'faults',
  ]
  const rows = measured(runs).map(({ name, title }) => {
    const f = figuresOf(name, runs)
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

/** What was asked for is not speed: only whether everything came, once and in order. */
function faultsTable({ label, runs }: CaseResult): string {
  const kinds = ['gaps', 'repeats', 'disordered', 'missing', 'closed']
  const head = [label, 'messages', 'deliveries', ...kinds, 'RSS MB']
  const rows = measured(runs).map(({ name, title }) => {
    const reports = runs.filter(({ peer }) => peer === name).map(({ report }) => report)
    const sum = (of: (report: (typeof reports)[number]) => number | undefined) =>
      reports.reduce((total, report) => total + (of(report) ?? 0), 0).toLocaleString('en')
    return [
      title,
      sum(({ published }) => published),
      sum(({ delivered }) => delivered),
      ...kinds.map((kind) => sum(({ faults }) => faults[kind])),
      short(figuresOf(name, runs).rss),
    ]
  })
  return table(head, rows)
}

/** How memory and latency went over time. */
function slicesTable({ label, runs }: CaseResult): string {
  return runs
    .map(({ peer, report }) => {
      const slices = report.slices ?? []
      const every = report.seconds / slices.length
      const rows = slices.map(({ rssKb, ownKb, p50, p99 }, i) => [
        `${Math.round(i * every)}–${Math.round((i + 1) * every)} s`,
        short(rssKb / 1024),
        short(ownKb / 1024),
        short(p50),
        short(p99),
      ])
      const title = peers.find(({ name }) => name === peer)?.title
      const third = Math.floor(slices.length / 3)
      const middle = median(slices.slice(third, 2 * third).map(({ ownKb }) => ownKb))
      const last = median(slices.slice(2 * third).map(({ ownKb }) => ownKb))
      return [
        table([`${title}: ${label}`, 'RSS MB', 'of it not of files', 'p50 ms', 'p99 ms'], rows),
        `${report.delivered?.toLocaleString('en')} deliveries of ${report.published?.toLocaleString('en')} messages, ` +
          `${faultsOf(report)} faults, ${report.closedOdd} slow readers closed; ` +
          `memory that is not of files, last third ÷ middle third: ${short(last / middle)}.`,
      ].join('\n\n')
    })
    .join('\n\n')
}
