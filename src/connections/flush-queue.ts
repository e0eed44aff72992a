import type { Clock } from '../clock.js'
import type { Flushable, FlushQueue } from './connection.js'

/**
 * Collects what has something to send and ends its turn once the event loop's does, so that all
 * frames of one turn leave in one write per receiver. What has itself held waits for more than
 * the turn, up to a bound; one timer for all, and only while something is held.
 */
export class TurnFlushQueue implements FlushQueue {
  readonly #clock: Clock
  #items: Flushable[] = []
  /** Held since the last tick, and since before it. */
  #held = new Set<Flushable>()
  #longHeld = new Set<Flushable>()
  #ticking = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(item: Flushable): void {
    if (this.#items.push(item) === 1) this.#clock.defer(() => this.#endTurn())
  }

  hold(item: Flushable): void {
    this.#held.add(item)
    if (!this.#ticking) this.#schedule()
  }

  release(item: Flushable): void {
    if (!this.#held.delete(item)) this.#longHeld.delete(item)
  }

  #endTurn(): void {
    const items = this.#items
    this.#items = []
    for (const item of items) item.endTurn()
  }

  #schedule(): void {
    this.#ticking = true
    this.#clock.after(MAX_HELD / 2, () => this.#tick())
  }

  #tick(): void {
    this.#ticking = false
    for (const item of this.#longHeld) item.flush()
    const emptied = this.#longHeld
    emptied.clear()
    this.#longHeld = this.#held
    this.#held = emptied
    if (this.#longHeld.size > 0) this.#schedule()
  }
}

/** Milliseconds that something is held at most: far less than a person notices. */
const MAX_HELD = 2

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
  #recent = new Set<Flushable>()
  #waiting: Flushable[] = []
  #ticking = false

  /** @param interval milliseconds, above 0 */
  constructor(turn: FlushQueue, clock: Clock, interval: number) {
    this.#turn = turn
    this.#clock = clock
    this.#interval = interval
  }

  add(item: Flushable): void {
    if (this.#recent.has(item)) {
      this.#waiting.push(item)
      return
    }
    this.#recent.add(item)
    this.#turn.add(item)
    if (!this.#ticking) this.#schedule()
  }

  /** Nothing waits for two reasons. */
  hold(item: Flushable): void {
    item.flush()
  }

  release(): void {}

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
