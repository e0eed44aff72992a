/**
 * A token bucket without timers. Who is refused is promised a time of its own: all that wait as
 * told get in one after the other, however many they are. Who does not wait is promised later and
 * later times, and in the end is recognised as a flood.
 */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  /** Tokens of the future that were promised to who was refused. */
  #promised = 0
  #updated: number

  /**
   * @param perSecond actions a second, sustained; 0 = no limit
   * @param burst actions at once
   * @param now monotonic milliseconds
   */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#updated = now
  }

  /**
   * Takes one action.
   * @param now monotonic milliseconds
   * @param weight how many ordinary actions it counts as
   * @returns 0 when it is allowed, otherwise the milliseconds after which it is to come again.
   */
  take(now: number, weight = 1): number {
    if (this.#perSecond === 0) return 0
    const earned = ((now - this.#updated) * this.#perSecond) / 1000
    this.#updated = now
    this.#tokens = Math.min(this.#burst, this.#tokens + earned)
    this.#promised = Math.max(0, this.#promised - earned)
    // What weighs more than a burst would never get in.
    const cost = Math.min(weight, this.#burst)
    if (this.#tokens >= cost) {
      this.#tokens -= cost
      return 0
    }
    this.#promised += cost
    const missing = Math.max(cost, this.#promised) - this.#tokens
    return Math.ceil((missing * 1000) / this.#perSecond)
  }

  /** Whether refusals went on until ten bursts were promised. */
  get flooded(): boolean {
    return this.#promised > 10 * this.#burst
  }
}
