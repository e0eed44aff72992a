import type { Clock, Scheduled } from '../../src/clock.js'

interface Timer {
  at: number
  readonly every: number | undefined
  readonly task: () => void
}

/** A clock that stands still until a test moves it. Turns and ids are real. */
export class FakeClock implements Clock {
  #elapsed = 0
  #lastId = 0
  readonly #timers = new Set<Timer>()

  now = (): number => START + this.#elapsed
  monotonic = (): number => this.#elapsed
  random = (): number => 0.5
  id = (): string => String(++this.#lastId).padStart(16, '0')
  defer = (task: () => void): void => void setImmediate(task)

  after(ms: number, task: () => void): Scheduled {
    return this.#schedule({ at: this.#elapsed + ms, every: undefined, task })
  }

  every(ms: number, task: () => void): Scheduled {
    return this.#schedule({ at: this.#elapsed + ms, every: ms, task })
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets time pass, calling what becomes due in its order. */
  advance(ms: number): void {
    const end = this.#elapsed + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#elapsed = next.at
      if (next.every === undefined) this.#timers.delete(next)
      else next.at += next.every
      next.task()
    }
    this.#elapsed = end
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= until && timer.at < (next?.at ?? Number.POSITIVE_INFINITY)) next = timer
    }
    return next
  }

  #schedule(timer: Timer): Scheduled {
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
}

/** A moment in 2026, milliseconds since 1970. */
const START = 1_790_000_000_000
