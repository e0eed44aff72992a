import type { Clock } from '../../clock.js'
import { type BrokerHealth, type LogMessage, StoreUnavailable } from '../broker.js'
import { Breaker } from './breaker.js'
import type { Head, Heads } from './heads.js'
import { reconcile } from './reconcile.js'
import type { Change, Durability, LogStore } from './store.js'

export interface CommitterOptions {
  readonly store: LogStore
  readonly heads: Heads
  readonly clock: Clock
  readonly durability: Durability
  readonly onError: (error: unknown, what: string) => void
  readonly events: LogEvents
}

/** What happens to the logs of subscribed rooms. Calls do not throw. */
export interface LogEvents {
  message(head: Head, message: LogMessage): void
  reset(head: Head): void
}

/**
 * Commits durably, one commit at a time. After one that failed, it finds out when the store works
 * again, and brings the heads of that commit's rooms up to what is in the store.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #breaker: Breaker
  #committingSince: number | undefined
  /** Rooms whose heads may differ from the store, because a commit failed or changed them. */
  readonly #doubtful = new Set<Head>()

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#breaker = new Breaker(options.clock, () => this.#probe(), options.onError)
  }

  /** Nothing is to be committed until the store works again. */
  get stopped(): boolean {
    return this.#breaker.open
  }

  /** The error for who wants something of a log that is not available. */
  refusal(cause?: unknown): StoreUnavailable {
    const health = this.#breaker.health()
    const why = health.ok ? '' : `: ${health.reason}`
    const { retryAfter } = this.#breaker
    return new StoreUnavailable(`the log is not available${why}`, { cause, retryAfter })
  }

  /** Commits. The heads stay busy until they are vacated, by the caller or by `reconcile`. */
  async commit(changes: readonly Change[], touched: readonly Head[]): Promise<void> {
    if (changes.length === 0) return
    const { store, heads, durability, clock } = this.#options
    for (const head of touched) heads.occupy(head)
    this.#committingSince = clock.monotonic()
    try {
      await store.commit(changes)
      if (durability === 'flush') await store.flush()
    } catch (error) {
      for (const head of touched) this.#doubtful.add(head)
      throw error
    } finally {
      this.#committingSince = undefined
    }
    this.#breaker.settle()
  }

  /** Brings heads up to what is in the store. Throws what the store throws. */
  reconcile(touched: readonly Head[]): void {
    for (const head of touched) this.#doubtful.add(head)
    const { store, heads, events } = this.#options
    for (const head of this.#doubtful) {
      reconcile(store, head, events)
      this.#doubtful.delete(head)
      heads.vacate(head)
    }
  }

  /** Stops until the store works again. */
  stop(error: unknown): void {
    this.#breaker.trip(error)
  }

  health(): BrokerHealth {
    const { store, clock } = this.#options
    const problem = store.problem()
    if (problem !== undefined) this.#breaker.trip(new Error(problem))
    const since = this.#committingSince ?? clock.monotonic()
    const stalled = clock.monotonic() - since
    if (stalled < STALLED_AFTER) return this.#breaker.health()
    const reason = `a commit has not finished for ${Math.round(stalled)} ms`
    return { ok: false, since: clock.now() - stalled, reason }
  }

  close(): void {
    this.#breaker.close()
  }

  /** Writes a little; when that works, finds out what became of the commits that failed. */
  async #probe(): Promise<void> {
    const { store } = this.#options
    await store.commit([{ kind: 'probe' }])
    await store.flush()
    this.reconcile([])
  }
}

/** Milliseconds after which a commit that does not end turns the health red. */
const STALLED_AFTER = 10_000
