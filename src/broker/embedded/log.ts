import type { Position } from '../../protocol/actions.js'
import { type Appended, type BrokerHealth, type NewMessage, StoreUnavailable } from '../broker.js'
import { Batch, type Job } from './batch.js'
import { Committer, type CommitterOptions } from './committer.js'
import type { Head } from './heads.js'
import { JobQueue } from './job-queue.js'
import type { Change } from './store.js'

export interface LogOptions extends CommitterOptions {
  /** Appends that may wait for a commit; more are refused. Default 100,000. */
  readonly maxQueued?: number
  /** UTF-16 units of payload that may wait for a commit; more are refused. Default 64 Mi. */
  readonly maxQueuedLength?: number
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
  readonly #committer: Committer
  readonly #queue: JobQueue
  readonly #upkeep: UpkeepJob[] = []
  #lastKey = 0
  #scheduled = false
  #busy = false
  #closed = false
  #whenIdle: (() => void) | undefined

  constructor(options: LogOptions) {
    const { maxQueued = 100_000, maxQueuedLength = 64 * 1024 * 1024 } = options
    this.#options = options
    this.#committer = new Committer(options)
    this.#queue = new JobQueue(maxQueued, maxQueuedLength)
  }

  /** Starts the store. Rejects when it cannot be read. */
  async start(): Promise<void> {
    const { store, clock, durability } = this.#options
    await store.start({ durability, epoch: clock.id() })
    this.#lastKey = store.lastKey()
  }

  append(room: string, message: NewMessage): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'append', room, message, resolve, reject })
    })
  }

  async erase(room: string): Promise<Position> {
    const { epoch, offset } = await new Promise<Position>((resolve, reject) => {
      this.#enqueue({ kind: 'erase', room, resolve, reject })
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
    return this.#committer.health()
  }

  /** Commits what was accepted, then closes the store. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#busy || this.#hasWork) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    this.#committer.close()
    await this.#options.store.close()
  }

  get #hasWork(): boolean {
    return !this.#queue.isEmpty || this.#upkeep.length > 0
  }

  #enqueue(job: Job): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      job.reject(refusal)
      return
    }
    this.#queue.push(job)
    this.#wake()
  }

  #refusal(): StoreUnavailable | undefined {
    if (this.#closed) return new StoreUnavailable('the broker is closed')
    if (this.#committer.stopped) return this.#committer.refusal()
    return this.#queue.isFull
      ? new StoreUnavailable('too many messages wait for the log')
      : undefined
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
    if (!this.#queue.isEmpty) await this.#writeJobs(this.#queue.take())
    const upkeep = this.#upkeep.shift()
    if (upkeep !== undefined) await this.#writeUpkeep(upkeep)
    this.#busy = false
    if (this.#hasWork) this.#wake()
    else this.#whenIdle?.()
  }

  async #writeJobs(jobs: readonly Job[]): Promise<void> {
    const { store, heads, clock } = this.#options
    const batch = new Batch(store, heads, clock.now(), () => ++this.#lastKey)
    try {
      for (const job of jobs) this.#add(job, batch)
      await this.#committer.commit(batch.changes, batch.heads())
    } catch (error) {
      this.#stop(error)
      for (const { job, result, settled } of batch.outcomes) if (settled) job.resolve(result)
      const refusal = this.#committer.refusal(error)
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
        await this.#committer.commit(upkeep.changes, upkeep.heads)
        this.#committer.reconcile(upkeep.heads)
      }
      job.resolve()
    } catch (error) {
      this.#stop(error)
      job.reject(this.#committer.refusal(error))
    }
  }

  /** Nothing more is written until the store works again, and what waits is refused. */
  #stop(error: unknown): void {
    this.#committer.stop(error)
    const refusal = this.#committer.refusal(error)
    for (const job of this.#queue.clear()) job.reject(refusal)
    for (const job of this.#upkeep.splice(0)) job.reject(refusal)
  }
}
