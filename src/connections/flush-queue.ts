import type { Clock } from '../clock.js'
import type { FlushQueue } from './connection.js'

/**
 * Collects what has something to send and flushes it once at the end of the event-loop turn, so
 * that all frames of one turn leave in one write per receiver.
 */
export class TurnFlushQueue implements FlushQueue {
  readonly #clock: Clock
  #items: { flush(): void }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(item: { flush(): void }): void {
    if (this.#items.push(item) === 1) this.#clock.defer(() => this.#flush())
  }

  #flush(): void {
    const items = this.#items
    this.#items = []
    for (const item of items) item.flush()
  }
}

/**
 * Flushes what is quiet at the end of the turn, and what is busy at most once in every interval:
 * fewer and larger writes for at most one interval's delay. One timer for all, and only while
 * something was flushed within the last interval.
 */
export class PacedFlushQueue implements FlushQueue {
  readonly #turn: FlushQueue
  readonly #clock: Clock
  readonly #interval: number
  /** What was flushed since the last tick. */
  #recent = new Set<{ flush(): void }>()
  #waiting: { flush(): void }[] = []
  #ticking = false

  /** @param interval milliseconds, above 0 */
  constructor(turn: FlushQueue, clock: Clock, interval: number) {
    this.#turn = turn
    this.#clock = clock
    this.#interval = interval
  }

  add(item: { flush(): void }): void {
    if (this.#recent.has(item)) {
      this.#waiting.push(item)
      return
    }
    this.#recent.add(item)
    this.#turn.add(item)
    if (!this.#ticking) this.#schedule()
  }

  #schedule(): void {
    this.#ticking = true
    this.#clock.after(this.#interval, () => this.#tick())
  }

  #tick(): void {
    this.#ticking = false
    const due = this.#waiting
    this.#waiting = []
    this.#recent = new Set(due)
    for (const item of due) item.flush()
    if (due.length > 0) this.#schedule()
  }
}
