/**
 * A quantile of what two readings of a histogram have between them, by the upper bound of the
 * bucket that it falls into: no more is known of it.
 * @param share 0.5 for the median
 * @returns undefined when nothing was counted in between; Infinity above the last bound.
 */
export function quantileBetween(
  before: readonly number[],
  after: readonly number[],
  bounds: readonly number[],
  share: number,
): number | undefined {
  const counts = after.map((count, i) => count - (before[i] ?? 0))
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total <= 0) return undefined
  let seen = 0
  for (const [i, count] of counts.entries()) {
    seen += count
    if (seen >= total * share) return bounds[i] ?? Number.POSITIVE_INFINITY
  }
  return Number.POSITIVE_INFINITY
}
