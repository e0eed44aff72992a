import type { Report } from './plan.js'
import { median } from './statistics.js'

/** One peer in one case in one round. */
export interface Run {
  readonly peer: string
  readonly round: number
  readonly report: Report
}

/** What a peer came to in a case: medians over the rounds. */
export interface Figures {
  /** CPU of all threads of the server per unit, microseconds. */
  readonly cpu: number
  /** Units a second. */
  readonly rate: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Resident memory of the server at the end of the window, megabytes. */
  readonly rss: number
  /** Kilobytes that each idle connection added. */
  readonly perConnection: number
  /** Share of one core that the load generator used: below 1, it was not the limit. */
  readonly generator: number
  /** What came not, twice, or out of order, over all rounds. */
  readonly faults: number
}

/** CPU per unit, microseconds. */
export const cpuOf = ({ serverCpu, frames }: Report) => (serverCpu / frames) * 1e6

/** Kilobytes of resident memory that one idle connection added. */
export const perConnectionOf = ({ rssKb, rssBeforeKb = rssKb, frames }: Report) =>
  (rssKb - rssBeforeKb) / frames

export const faultsOf = ({ faults }: Report) => Object.values(faults).reduce((a, b) => a + b, 0)

/** The figures of one peer among the runs of a case. */
export function figuresOf(name: string, runs: readonly Run[]): Figures {
  const reports = runs.filter(({ peer }) => peer === name).map(({ report }) => report)
  const middle = (of: (report: Report) => number) => median(reports.map(of))
  return {
    cpu: middle(cpuOf),
    rate: middle(({ frames, seconds }) => frames / seconds),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    rss: middle(({ rssKb }) => rssKb / 1024),
    perConnection: middle(perConnectionOf),
    generator: middle(({ generatorCpu, seconds }) => generatorCpu / seconds),
    faults: reports.reduce((total, report) => total + faultsOf(report), 0),
  }
}

/**
 * How a peer compares with another: the median of the ratios inside each round, so that what
 * disturbs a whole round does not count.
 */
export function ratio(
  runs: readonly Run[],
  peer: string,
  other: string,
  of: (report: Report) => number = cpuOf,
): number {
  const ratios: number[] = []
  for (const run of runs) {
    if (run.peer !== peer) continue
    const same = runs.find(({ peer, round }) => peer === other && round === run.round)
    if (same) ratios.push(of(run.report) / of(same.report))
  }
  return median(ratios)
}
