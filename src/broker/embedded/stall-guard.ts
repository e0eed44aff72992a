/**
 * Says whether something that usually takes microseconds may be done on the event loop: not for a
 * while after it took long, and for a longer while each time.
 */
export class StallGuard {
  readonly #now: () => number
  #notBefore = Number.NEGATIVE_INFINITY
  #pause = FIRST_PAUSE

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get open(): boolean {
    return this.#now() >= this.#notBefore
  }

  /** Does it and sees how long it takes. */
  run(call: () => void): void {
    const start = this.#now()
    try {
      call()
    } finally {
      const end = this.#now()
      if (end - start > STALL) this.#close(end)
    }
  }

  #close(now: number): void {
    const quickFor = now - this.#notBefore
    this.#pause = quickFor > LONGEST_PAUSE ? FIRST_PAUSE : Math.min(2 * this.#pause, LONGEST_PAUSE)
    this.#notBefore = now + this.#pause
  }
}

/** Milliseconds that are long. */
const STALL = 5

/** Milliseconds. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 300_000
