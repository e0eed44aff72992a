import type { Clock } from '../../../client/index.js'

interface Timer {
  readonly due: number
  readonly task: () => void
  readonly owner: object
}

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()
  readonly #random: () => number

  /** `random` gives the jitter; by default it is always the middle. */
  constructor(random: () => number = () => 0.5) {
    this.#random = random
  }

  now(): number {
    return this.#now + 1_700_000_000_000
  }

  monotonic(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  after(ms: number, task: () => void): () => void {
    return this.#set(ms, task, this)
  }

  /**
   * The same clock for one party, whose timers can be told apart.
   * @param skew how far its wall clock is ahead, milliseconds
   */
  view(skew = 0): Clock & { readonly pending: number } {
    const owner = {}
    const timers = this.#timers
    return {
      now: () => this.now() + skew,
      monotonic: () => this.monotonic(),
      random: () => this.random(),
      after: (ms, task) => this.#set(ms, task, owner),
      get pending() {
        return [...timers].filter((timer) => timer.owner === owner).length
      },
    }
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

  /** Lets `ms` pass without running a timer, as a suspended machine does: they are late after it. */
  suspend(ms: number): void {
    this.#now += ms
  }

  #set(ms: number, task: () => void, owner: object): () => void {
    // Like a real one: whole milliseconds, and what does not fit in 31 bits fires at once.
    const wait = ms > 2 ** 31 - 1 ? 1 : Math.max(0, Math.trunc(ms))
    const timer = { due: this.#now + wait, task, owner }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }
}

/** Lets every promise settle that can. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
