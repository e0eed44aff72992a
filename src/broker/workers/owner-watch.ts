import type { Clock, Scheduled } from '../../clock.js'
import type { BrokerHealth } from '../broker.js'

/** How often it is looked whether the owner has said anything, milliseconds. */
const BETWEEN_LOOKS = 1000
/** Looks without a word from the owner after which the log counts as away. */
const MAX_SILENT_LOOKS = 4

/** Whether the process that owns the log is there, and how the log is by its last word. */
export class OwnerWatch {
  readonly #clock: Clock
  #health: BrokerHealth = { ok: false, since: 0, reason: 'the broker is not started' }
  #looking: Scheduled | undefined
  #silent = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get health(): BrokerHealth {
    return this.#health
  }

  /** Why nothing can be asked of the owner now; undefined when something can. */
  get absence(): string | undefined {
    if (this.#silent <= MAX_SILENT_LOOKS) return undefined
    return this.#health.ok ? 'the log is away' : this.#health.reason
  }

  start(): void {
    this.#looking = this.#clock.every(BETWEEN_LOOKS, () => this.#look())
  }

  stop(): void {
    this.#looking?.cancel()
  }

  /** The owner has said something. */
  heard(): void {
    this.#silent = 0
  }

  /** The owner has said how the log is. */
  told(health: BrokerHealth): void {
    this.#health = health
  }

  /** The owner will never say anything again. */
  gone(): void {
    this.stop()
    this.#silent = MAX_SILENT_LOOKS + 1
    this.#away('the process that owns the log is gone')
  }

  /** A process that was suspended reads what has arrived meanwhile before it judges. */
  #look(): void {
    if (++this.#silent !== MAX_SILENT_LOOKS + 1) return
    this.#away('the process that owns the log does not answer')
  }

  #away(reason: string): void {
    this.#health = { ok: false, since: this.#clock.now(), reason }
  }
}
