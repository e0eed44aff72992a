/** How long to wait between tries to connect. */
export interface Backoff {
  /** Upper bound of the first wait, milliseconds. */
  readonly base: number
  /** Upper bound of every wait, milliseconds. */
  readonly cap: number
}

/**
 * Exponential backoff with full jitter: anything from 0 to `base × 2^retries`, at most `cap`.
 * The spread keeps clients that lost their server together from coming back together.
 */
export function backoffDelay(retries: number, { base, cap }: Backoff, random: number): number {
  return Math.round(random * Math.min(cap, base * 2 ** retries))
}
