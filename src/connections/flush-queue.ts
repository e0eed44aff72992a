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
