import type { Clock } from '../../clock.js'
import type { Position } from '../../protocol/actions.js'
import {
  type Appended,
  type BrokerHealth,
  type LogMessage,
  type NewMessage,
  StoreUnavailable,
} from '../broker.js'
import { Batch, type Job } from './batch.js'
import { Breaker } from './breaker.js'
import type { Head, Heads } from './heads.js'
import { reconcile } from './reconcile.js'
import type { Change, Durability, LogStore } from './store.js'

export interface LogOptions {
  readonly store: LogStore
  readonly heads: Heads
  readonly clock: Clock
  readonly durability: Durability
  /** Appends that may wait for a commit; more are refused. Default 100,000. */
  readonly maxQueued?: number
  /** UTF-16 units of payload that may wait for a commit; more are refused. Default 64 Mi. */
  readonly maxQueuedLength?: number
  readonly onError: (error: unknown, what: string) => void
  readonly events: LogEvents
}

/** What happens to the logs of subscribed rooms. Calls do not throw. */
export interface LogEvents {
  message(head: Head, message: LogMessage): void
  reset(head: Head): void
}

/** Changes that are nobody's message: retention, sweeping. */
export interface Upkeep {
  readonly changes: readonly Change[]
  /** Rooms whose record or messages it changes. */
  readonly heads: readonly Head[]
}

interface UpkeepJob {
  readonly build: () => Upkeep | undefined
  resolve(): void
  reject(error: Error): void
}

/**
 * Group commit. What is appended while a turn of the event loop lasts, or while a commit is under
 * way, is written together by the next commit; there is one at a time. Nothing is delivered or
 * acknowledged, and no offset counts as used, before the commit it is part of has succeeded.
 */
export class Log {
  readonly #options: LogOptions
  readonly #breaker: Breaker
  readonly #maxQueued: number
  readonly #maxQueuedLength: number
  #queue: Job[] = []
  #queuedLength = 0
  #upkeep: UpkeepJob[] = []
  #lastKey = 0
  #scheduled = false
  #busy = false
  #committingSince: number | undefined
  #closed = false
  #whenIdle: (() => void) | undefined
  /** Rooms whose heads may differ from the store, because a commit failed or changed them. */
  readonly #doubtful = new Set<Head>()

  constructor(options: LogOptions) {
    this.#options = options
    this.#maxQueued = options.maxQueued ?? 100_000
    this.#maxQueuedLength = options.maxQueuedLength ?? 64 * 1024 * 1024
    this.#breaker = new Breaker(options.clock, () => this.#probe(), options.onError)
  }

  /** Starts the store. Rejects when it cannot be read. */
  async start(): Promise<void> {
    const { store, clock, durability } = this.#options
    await store.start({ durability, epoch: clock.id() })
    this.#lastKey = store.lastKey()
  }

  append(room: string, message: NewMessage): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'append', room, message, resolve, reject }, message.msg.length)
    })
  }

  async erase(room: string): Promise<Position> {
    const { epoch, offset } = await new Promise<Position>((resolve, reject) => {
      this.#enqueue({ kind: 'erase', room, resolve, reject }, 0)
    })
    return { epoch, offset }
  }

  /** Commits what `build` returns, between the batches of messages. */
  upkeep(build: () => Upkeep | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal !== undefined) return reject(refusal)
      this.#upkeep.push({ build, resolve, reject })
      this.#wake()
    })
  }

  health(): BrokerHealth {
    const problem = this.#options.store.problem()
    if (problem !== undefined) this.#breaker.trip(new Error(problem))
    const stalled = this.#stalledFor()
    if (stalled < STALLED_AFTER) return this.#breaker.health()
    const since = this.#options.clock.now() - stalled
    return { ok: false, since, reason: `a commit has not finished for ${Math.round(stalled)} ms` }
  }

  /** Commits what was accepted, then closes the store. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#busy || this.#queue.length > 0 || this.#upkeep.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    this.#breaker.close()
    await this.#options.store.close()
  }

  #enqueue(job: Job, length: number): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      job.reject(refusal)
      return
    }
    this.#queue.push(job)
    this.#queuedLength += length
    this.#wake()
  }

  #refusal(): StoreUnavailable | undefined {
    if (this.#closed) return new StoreUnavailable('the broker is closed')
    if (this.#breaker.open) return this.#unavailable()
    if (this.#queue.length >= this.#maxQueued || this.#queuedLength >= this.#maxQueuedLength) {
      return new StoreUnavailable('too many messages wait for the log')
    }
    return undefined
  }

  #unavailable(cause?: unknown): StoreUnavailable {
    const health = this.#breaker.health()
    const reason = health.ok
      ? 'the log is not available'
      : `the log is not available: ${health.reason}`
    return new StoreUnavailable(reason, { cause, retryAfter: this.#breaker.retryAfter })
  }

  #stalledFor(): number {
    if (this.#committingSince === undefined) return 0
    return this.#options.clock.monotonic() - this.#committingSince
  }

  #wake(): void {
    if (this.#scheduled || this.#busy) return
    this.#scheduled = true
    this.#options.clock.defer(() => {
      this.#scheduled = false
      void this.#turn()
    })
  }

  /** One batch of messages, then one piece of upkeep. Never rejects. */
  async #turn(): Promise<void> {
    this.#busy = true
    if (this.#queue.length > 0) await this.#writeJobs(this.#takeJobs())
    const upkeep = this.#upkeep.shift()
    if (upkeep !== undefined) await this.#writeUpkeep(upkeep)
    this.#busy = false
    if (this.#queue.length > 0 || this.#upkeep.length > 0) this.#wake()
    else this.#whenIdle?.()
  }

  #takeJobs(): Job[] {
    const queue = this.#queue
    let length = 0
    let count = 0
    while (count < queue.length && count < MAX_BATCH && length < MAX_BATCH_LENGTH) {
      const job = queue[count++] as Job
      if (job.kind === 'append') length += job.message.msg.length
    }
    this.#queuedLength -= length
    if (count < queue.length) return queue.splice(0, count)
    this.#queue = []
    return queue
  }

  async #writeJobs(jobs: readonly Job[]): Promise<void> {
    const { store, heads, clock } = this.#options
    const batch = new Batch(store, heads, clock.now(), () => ++this.#lastKey)
    try {
      for (const job of jobs) this.#add(job, batch)
      await this.#commit(batch.changes, batch.heads())
    } catch (error) {
      this.#fail(error)
      for (const { job, result, settled } of batch.outcomes) if (settled) job.resolve(result)
      const refusal = this.#unavailable(error)
      for (const job of jobs) job.reject(refusal)
      return
    }
    this.#finish(batch)
  }

  /** What goes wrong with one job because a part of the store is damaged is its problem alone. */
  #add(job: Job, batch: Batch): void {
    const { store, clock } = this.#options
    try {
      if (job.kind === 'append') batch.append(job)
      else batch.erase(job, clock.id())
    } catch (error) {
      if (store.problem() !== undefined) throw error
      job.reject(new StoreUnavailable(`the log cannot be read: ${String(error)}`, { cause: error }))
    }
  }

  #finish(batch: Batch): void {
    const { events, heads } = this.#options
    for (const { job, head, record, message, result } of batch.outcomes) {
      if (record !== undefined) {
        head.record = record
        head.epoch = record.epoch
        head.offset = result.offset
        if (message === undefined) head.first = 1
        if (head.subscribed) {
          if (message === undefined) events.reset(head)
          else events.message(head, message)
        }
      }
      job.resolve(result)
    }
    for (const head of batch.heads()) heads.vacate(head)
  }

  async #writeUpkeep(job: UpkeepJob): Promise<void> {
    try {
      const upkeep = job.build()
      if (upkeep !== undefined) {
        await this.#commit(upkeep.changes, upkeep.heads)
        for (const head of upkeep.heads) this.#doubtful.add(head)
        this.#reconcile()
      }
      job.resolve()
    } catch (error) {
      this.#fail(error)
      job.reject(this.#unavailable(error))
    }
  }

  /** Commits durably. When it rejects, `touched` are doubtful. */
  async #commit(changes: readonly Change[], touched: Iterable<Head>): Promise<void> {
    if (changes.length === 0) return
    const { store, heads, durability, clock } = this.#options
    const held = [...touched]
    for (const head of held) heads.occupy(head)
    this.#committingSince = clock.monotonic()
    try {
      await store.commit(changes)
      if (durability === 'flush') await store.flush()
    } catch (error) {
      for (const head of held) this.#doubtful.add(head)
      throw error
    } finally {
      this.#committingSince = undefined
    }
    this.#breaker.settle()
  }

  /** Nothing more is written until the store works again, and what waits is refused. */
  #fail(error: unknown): void {
    this.#breaker.trip(error)
    const refusal = this.#unavailable(error)
    for (const job of this.#queue) job.reject(refusal)
    for (const job of this.#upkeep) job.reject(refusal)
    this.#queue = []
    this.#queuedLength = 0
    this.#upkeep = []
  }

  /** Writes a little; when that works, finds out what became of the commits that failed. */
  async #probe(): Promise<void> {
    const { store } = this.#options
    await store.commit([{ kind: 'probe' }])
    await store.flush()
    this.#reconcile()
  }

  #reconcile(): void {
    const { store, heads, events } = this.#options
    for (const head of this.#doubtful) {
      reconcile(store, head, events)
      this.#doubtful.delete(head)
      heads.vacate(head)
    }
  }
}

/** Jobs in one commit: enough for full speed, few enough to leave the event loop in time. */
const MAX_BATCH = 2000
const MAX_BATCH_LENGTH = 4 * 1024 * 1024

/** Milliseconds after which a commit that does not end turns the health red. */
const STALLED_AFTER = 10_000
