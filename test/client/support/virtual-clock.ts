import type { Clock } from '../../../client/index.js'

interface Timer {
  readonly due: number
  readonly task: () => void
}

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()
  readonly #random: () => number
  /** Added to the wall clock, which need not agree with the server's. */
  skew = 1_700_000_000_000

  /** `random` gives the jitter; by default it is always the middle. */
  constructor(random: () => number = () => 0.5) {
    this.#random = random
  }

  now(): number {
    return this.#now + this.skew
  }

  monotonic(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  after(ms: number, task: () => void): () => void {
    // Like a real one: what does not fit in 31 bits fires at once.
    const timer = { due: this.#now + (ms > 2 ** 31 - 1 ? 1 : Math.max(0, ms)), task }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Timers that were set and not called off. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets `ms` pass: every timer that falls due runs in its turn, and all promises settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#now = Math.max(this.#now, timer.due)
      this.#timers.delete(timer)
      timer.task()
      await settle()
    }
    this.#now = end
  }

  /** Lets `ms` pass without running timers, as a suspended machine does; they are late after it. */
  async suspend(ms: number): Promise<void> {
    this.#now += ms
    await settle()
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
