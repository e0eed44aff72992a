import type { Clock, Scheduled } from '../../clock.js'
import type { BrokerHealth } from '../broker.js'

/**
 * Stops writing to a store that fails, so that a full disk costs one probe now and then instead of
 * a failing commit for every message, and starts again by itself.
 */
export class Breaker {
  readonly #clock: Clock
  readonly #probe: () => Promise<void>
  readonly #onError: (error: unknown, what: string) => void
  #failure: { since: number; reason: string; nextTry: number } | undefined
  #delay = FIRST_DELAY
  #scheduled: Scheduled | undefined
  #closed = false

  /** `probe` tries to write and resolves when that works again. */
  constructor(
    clock: Clock,
    probe: () => Promise<void>,
    onError: (error: unknown, what: string) => void,
  ) {
    this.#clock = clock
    this.#probe = probe
    this.#onError = onError
  }

  get open(): boolean {
    return this.#failure !== undefined
  }

  /** Milliseconds until it is worth trying again. */
  get retryAfter(): number {
    const wait = (this.#failure?.nextTry ?? 0) - this.#clock.monotonic()
    return Math.max(FIRST_DELAY, Math.ceil(wait))
  }

  health(): BrokerHealth {
    if (this.#failure === undefined) return { ok: true }
    return { ok: false, since: this.#failure.since, reason: this.#failure.reason }
  }

  /** A write failed: no more writes until a probe succeeds. */
  trip(error: unknown): void {
    const reason = reasonOf(error)
    if (this.#failure === undefined) {
      this.#failure = { since: this.#clock.now(), reason, nextTry: 0 }
      this.#onError(error, 'the log cannot be written')
    } else {
      this.#failure.reason = reason
    }
    this.#schedule(this.#failure)
  }

  /** A real write succeeded: the next failure starts with a short delay again. */
  settle(): void {
    this.#delay = FIRST_DELAY
  }

  close(): void {
    this.#closed = true
    this.#scheduled?.cancel()
  }

  #schedule(failure: { nextTry: number }): void {
    if (this.#closed || this.#scheduled !== undefined) return
    const wait = this.#delay * (0.75 + this.#clock.random() / 2)
    failure.nextTry = this.#clock.monotonic() + wait
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY)
    this.#scheduled = this.#clock.after(wait, () => void this.#try())
  }

  async #try(): Promise<void> {
    try {
      await this.#probe()
      this.#failure = undefined
      this.#scheduled = undefined
    } catch (error) {
      this.#scheduled = undefined
      this.trip(error)
    }
  }
}

const FIRST_DELAY = 1000
const LONGEST_DELAY = 30_000

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
