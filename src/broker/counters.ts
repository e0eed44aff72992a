import type { Clock } from '../clock.js'
import type { Counted } from './broker.js'

/** Keys that are counted at the same time; the least recent are forgotten. */
const MAX_KEYS = 20_000

/** Counts of one process, in windows that begin with the first event of a key. */
export class Counters {
  readonly #clock: Clock
  readonly #byKey = new Map<string, { count: number; readonly ends: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one event; see `Broker.count`. */
  count(key: string, window: number): Counted {
    const now = this.#clock.monotonic()
    const known = this.#byKey.get(key)
    const counter = known && known.ends > now ? known : { count: 0, ends: now + window }
    counter.count++
    // The order of a map is that of insertion: the first one is the least recent.
    this.#byKey.delete(key)
    this.#byKey.set(key, counter)
    if (this.#byKey.size > MAX_KEYS) this.#byKey.delete(this.#byKey.keys().next().value as string)
    return { count: counter.count, left: counter.ends - now }
  }
}
