import type { Clock, Scheduled } from '../../clock.js'
import { type Remembered, StoreUnavailable } from '../broker.js'
import type { Log } from './log.js'
import type { Change, LogStore } from './store.js'

export interface ValuesOptions {
  readonly store: LogStore
  readonly log: Log
  readonly clock: Clock
  readonly onError: (error: unknown, what: string) => void
}

/**
 * Small values with a lifetime. All of them are held in memory too, so that reading one and
 * taking it away is a single step; what is asked for in one turn is written by one commit.
 */
export class Values {
  readonly #options: ValuesOptions
  readonly #byKey = new Map<string, Remembered>()
  #pending: Change[] = []
  #writing: Promise<void> | undefined
  #sweeping: Scheduled | undefined

  constructor(options: ValuesOptions) {
    this.#options = options
  }

  /** Reads what an earlier process left. */
  start(): void {
    const { store, clock } = this.#options
    for (const value of store.values()) this.#byKey.set(value.key, value)
    this.#sweeping = clock.every(BETWEEN_SWEEPS, () => this.#sweep())
  }

  stop(): void {
    this.#sweeping?.cancel()
  }

  async remember(key: string, value: string, lifetime: number): Promise<void> {
    const limit = key.length > MAX_KEY_LENGTH || value.length > MAX_VALUE_LENGTH
    if (key === '' || limit) throw new RangeError('the key or value to remember is too long')
    if (this.#byKey.size >= MAX_VALUES && !this.#byKey.has(key)) this.#sweep()
    if (this.#byKey.size >= MAX_VALUES && !this.#byKey.has(key)) {
      throw new StoreUnavailable(`at most ${MAX_VALUES} values are remembered`)
    }
    const expires = this.#options.clock.now() + lifetime
    const remembered = { key, value, expires }
    await this.#write({ kind: 'keep', value: remembered })
    this.#byKey.set(key, remembered)
  }

  /** A value counts as taken even when its removal could not be written and this rejects. */
  async take(key: string): Promise<string | undefined> {
    const found = this.#byKey.get(key)
    if (!found) return undefined
    this.#byKey.delete(key)
    await this.#write({ kind: 'drop', key })
    return found.expires > this.#options.clock.now() ? found.value : undefined
  }

  list(prefix: string): Remembered[] {
    const now = this.#options.clock.now()
    return [...this.#byKey.values()].filter(
      ({ key, expires }) => expires > now && key.startsWith(prefix),
    )
  }

  #sweep(): void {
    const now = this.#options.clock.now()
    for (const { key, expires } of this.#byKey.values()) {
      if (expires > now) continue
      this.#byKey.delete(key)
      this.#write({ kind: 'drop', key }).catch((error) => {
        if (!(error instanceof StoreUnavailable)) this.#options.onError(error, 'sweeping failed')
      })
    }
  }

  /** Resolves once the change is in the store. */
  #write(change: Change): Promise<void> {
    this.#pending.push(change)
    if (this.#writing !== undefined) return this.#writing
    const writing = this.#options.log.upkeep(() => ({ changes: this.#takePending(), heads: [] }))
    this.#writing = writing
    // Refused before it began: what waited for this write is refused with it.
    writing.catch(() => this.#writing === writing && this.#takePending())
    return writing
  }

  #takePending(): Change[] {
    const changes = this.#pending
    this.#pending = []
    this.#writing = undefined
    return changes
  }
}

/** Values kept at the same time: what a few tens of megabytes hold. */
const MAX_VALUES = 100_000
const MAX_KEY_LENGTH = 600
const MAX_VALUE_LENGTH = 8192

/** Milliseconds. */
const BETWEEN_SWEEPS = 10_000
