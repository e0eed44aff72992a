import type { Clock } from './clock.js'

/** A timer that is later than this was held up, as in a background tab or a suspended machine. */
const LATE = 1000

/** How long a connection has to show a sign of life after the network came back. */
const PROBE_TIMEOUT = 5000

export interface LivenessHooks {
  /** Sends the application's `ping`. */
  ping(): void
  /** Nothing came for two intervals: the connection is dead. */
  dead(): void
  /** When the oldest unanswered request was sent, monotonic milliseconds. */
  oldestRequest(): number | undefined
}

/**
 * Decides whether a connection is alive. A network does not report a lost connection, and a
 * browser shows no ping frames, so silence is all there is to go by: after one interval of it
 * the client asks, after a second one it gives up.
 *
 * Everything is judged by timestamps. A timer that fires late has seen nothing of the time in
 * between: what the socket received may still be queued behind it, so it looks once more.
 */
export class Liveness {
  readonly #clock: Clock
  readonly #interval: number
  readonly #hooks: LivenessHooks
  #heardAt: number
  #pingedAt: number
  #asked = false
  #deadline = 0
  #lookedAgain = false
  #cancel: () => void = () => {}

  /** `interval` in milliseconds, more than 0. */
  constructor(clock: Clock, interval: number, hooks: LivenessHooks) {
    this.#clock = clock
    this.#interval = interval
    this.#hooks = hooks
    this.#heardAt = this.#pingedAt = clock.monotonic()
    this.#schedule(interval)
  }

  /** Something came from the server. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic()
    this.#asked = this.#lookedAgain = false
  }

  /** Asks now, and does not wait long for the answer: the network may have changed. */
  probe(): void {
    const timeout = Math.min(PROBE_TIMEOUT, this.#interval)
    if (!this.#asked) this.#ping()
    this.#deadline = Math.min(this.#deadline, this.#clock.monotonic() + timeout)
    this.#schedule(timeout)
  }

  stop(): void {
    this.#cancel()
  }

  #schedule(ms: number): void {
    this.#cancel()
    const due = this.#clock.monotonic() + ms
    this.#cancel = this.#clock.after(ms, () => this.#check(this.#clock.monotonic() - due > LATE))
  }

  #check(late: boolean): void {
    const now = this.#clock.monotonic()
    if (this.#isOverdue(now)) {
      if (late && !this.#lookedAgain) {
        this.#lookedAgain = true
        this.#schedule(LATE)
      } else {
        this.#hooks.dead()
      }
      return
    }
    // The second half keeps a client that only listens from being closed as idle.
    const quiet =
      now - this.#heardAt >= this.#interval || now - this.#pingedAt >= 2 * this.#interval
    if (!this.#asked && quiet) this.#ping()
    const due = this.#asked ? this.#deadline : this.#heardAt + this.#interval
    this.#schedule(Math.max(1, due - now))
  }

  #isOverdue(now: number): boolean {
    const requestedAt = this.#hooks.oldestRequest() ?? now
    return (this.#asked && now >= this.#deadline) || now - requestedAt >= 2 * this.#interval
  }

  #ping(): void {
    this.#asked = true
    this.#pingedAt = this.#clock.monotonic()
    this.#deadline = this.#pingedAt + this.#interval
    this.#hooks.ping()
  }
}
