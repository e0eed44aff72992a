interface Waiting {
  readonly epoch: string
  readonly offset: number
  resolve(): void
}

/** Appends of this node to one room that wait until their messages have been handed on. */
export class WaitingAppends {
  #waiting: Waiting[] = []

  /** Resolves when the message has been handed on, or its epoch is over. */
  wait(epoch: string, offset: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ epoch, offset, resolve }))
  }

  /** Everything of this epoch up to this offset has been handed on. */
  release(epoch: string, offset: number): void {
    if (this.#waiting.length === 0) return
    const reached = (append: Waiting) => append.epoch !== epoch || append.offset <= offset
    for (const append of this.#waiting) if (reached(append)) append.resolve()
    this.#waiting = this.#waiting.filter((append) => !reached(append))
  }

  /** What waits is not handed on any more, or by the next session. */
  releaseAll(): void {
    for (const append of this.#waiting) append.resolve()
    this.#waiting = []
  }
}
