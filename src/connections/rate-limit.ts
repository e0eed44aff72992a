/**
 * A token bucket without timers. Refused actions go into debt, so that who keeps sending over
 * the limit waits longer and in the end is recognised as a flood; who waits as told is let in.
 */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
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
   * @param weight how many ordinary actions it counts as
   * @param now monotonic milliseconds
   * @returns 0 when it is allowed, otherwise the milliseconds after which one will be.
   */
  take(now: number, weight = 1): number {
    if (this.#perSecond === 0) return 0
    const earned = ((now - this.#updated) * this.#perSecond) / 1000
    this.#tokens = Math.min(this.#burst, this.#tokens + earned) - weight
    this.#updated = now
    if (this.#tokens >= 0) return 0
    return Math.ceil((-this.#tokens * 1000) / this.#perSecond)
  }

  /** Whether refusals went on until the debt was ten bursts. */
  get flooded(): boolean {
    return this.#tokens < -10 * this.#burst
  }
}
