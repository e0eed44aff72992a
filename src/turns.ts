import { AsyncResource } from 'node:async_hooks'

/**
 * Spreads tasks that come in a burst over turns of the event loop, in their order: what is waiting
 * for its own turn meanwhile, the messages of a room say, waits for a few of them and not for all.
 */
export class Turns {
  readonly #perTurn: number
  /** Begun since the loop came round. */
  #begun = 0
  #waiting: (() => void)[] = []
  /** The next of them. */
  #next = 0

  /** @param perTurn tasks that may begin in one turn, 1 and up */
  constructor(perTurn: number) {
    this.#perTurn = perTurn
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#waiting.length - this.#next
  }

  /** Runs a task now or in one of the next turns. It must not throw. */
  run(task: () => void): void {
    if (this.#begun === 0 && this.waiting === 0) setImmediate(() => this.#turn())
    if (this.#begun < this.#perTurn) {
      this.#begun++
      task()
    } else this.#waiting.push(AsyncResource.bind(task))
  }

  #turn(): void {
    this.#begun = 0
    const end = Math.min(this.#next + this.#perTurn, this.#waiting.length)
    if (end > this.#next) setImmediate(() => this.#turn())
    while (this.#next < end) {
      this.#begun++
      this.#waiting[this.#next++]?.()
    }
    if (this.#next < this.#waiting.length) return
    this.#waiting = []
    this.#next = 0
  }
}
