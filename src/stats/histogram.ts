/** Upper bounds of the buckets, milliseconds. What is above the last counts there too: +Inf. */
export const BOUNDS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000,
]

/** How long something took, counted in fixed buckets: an observation allocates nothing. */
export class LatencyHistogram {
  /** Observations up to each bound and above the one before; the last is above all bounds. */
  readonly counts = new Float64Array(BOUNDS.length + 1)
  /** Sum of all observations, milliseconds. */
  sum = 0

  /** Counts one observation, milliseconds. Less than 0 (another node's clock) counts as 0. */
  observe(ms: number): void {
    let bucket = 0
    while (bucket < BOUNDS.length && ms > (BOUNDS[bucket] as number)) bucket++
    ;(this.counts[bucket] as number)++
    if (ms > 0) this.sum += ms
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }
}
