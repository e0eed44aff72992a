import { encodeMessage } from '../../protocol/encode.js'
import type { Appended, LogMessage, NewMessage } from '../broker.js'
import type { Head, Heads } from './heads.js'
import type { Change, LogStore, Place, RoomRecord } from './store.js'

/** Something that waits for a commit. */
export interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

export interface AppendJob extends Waiting<Appended> {
  readonly kind: 'append'
  readonly room: string
  readonly message: NewMessage
}

export interface EraseJob extends Waiting<Appended> {
  readonly kind: 'erase'
  readonly room: string
}

export type Job = AppendJob | EraseJob

/** What a job comes to when the batch is committed. */
export interface Outcome {
  readonly job: Job
  readonly head: Head
  /** The room's record after it; undefined when the job leaves it as it is. */
  readonly record: RoomRecord | undefined
  readonly result: Appended
  /** The new message, when there is one. */
  readonly message: LogMessage | undefined
  /** It stands in the log already, whatever becomes of this batch. */
  readonly settled: boolean
}

/** A room's head as it will be when the batch is committed. */
interface Draft {
  readonly head: Head
  record: RoomRecord
  offset: number
  /** What this batch appends, by id. */
  ids: Map<string, Place>
}

/**
 * Turns jobs, in the order of the calls, into the changes of one commit. Heads stay as they are:
 * the outcomes say what becomes of them when the commit succeeds.
 */
export class Batch {
  readonly changes: Change[] = []
  readonly outcomes: Outcome[] = []
  readonly #store: LogStore
  readonly #heads: Heads
  readonly #time: number
  readonly #newKey: () => number
  readonly #drafts = new Map<string, Draft>()

  constructor(store: LogStore, heads: Heads, time: number, newKey: () => number) {
    this.#store = store
    this.#heads = heads
    this.#time = time
    this.#newKey = newKey
  }

  /** Adds an append. Throws what the store throws. */
  append(job: AppendJob): void {
    const { room, message } = job
    const open = this.#drafts.get(room)
    const head = open?.head ?? this.#heads.get(room)
    const { user, id } = message
    const key = `${user}\u0000${id}`
    const pending = open?.ids.get(key)
    if (open !== undefined && pending !== undefined) {
      this.#repeat(job, head, open.record.epoch, pending, false)
      return
    }
    const record = open?.record ?? head.record
    const stored = record && this.#store.find(record.key, user, id)
    if (record !== undefined && stored !== undefined) {
      this.#repeat(job, head, record.epoch, stored, true)
      return
    }
    this.#add(job, open ?? this.#draft(head), key)
  }

  /** Adds the erasure of a room's log, which gives it `epoch`. Throws what the store throws. */
  erase(job: EraseJob, epoch: string): void {
    const open = this.#drafts.get(job.room)
    const head = open?.head ?? this.#heads.get(job.room)
    const old = (open?.record ?? head.record)?.key
    const record = { key: this.#newKey(), epoch, trimmed: 0 }
    this.#drafts.set(job.room, { head, record, offset: 0, ids: new Map() })
    this.changes.push({ kind: 'room', name: job.room, record })
    if (old !== undefined) this.changes.push({ kind: 'discard', room: old })
    const result = { epoch, offset: 0, time: this.#time, duplicate: false }
    this.outcomes.push({ job, head, record, result, message: undefined, settled: false })
  }

  /** The rooms that the commit changes. */
  *heads(): Generator<Head, void> {
    for (const draft of this.#drafts.values()) yield draft.head
  }

  #repeat(job: Job, head: Head, epoch: string, place: Place, settled: boolean): void {
    const result = { epoch, offset: place.offset, time: place.time, duplicate: true }
    this.outcomes.push({ job, head, record: undefined, result, message: undefined, settled })
  }

  #add(job: AppendJob, draft: Draft, key: string): void {
    const { user, id, nick, msg } = job.message
    const time = this.#time
    const offset = ++draft.offset
    const json = encodeMessage({ room: job.room, offset, id, user, nick, msg, time })
    const message = { offset, time, json }
    draft.ids.set(key, message)
    this.changes.push({ kind: 'append', room: draft.record.key, user, id, message })
    const { head, record } = draft
    const result = { epoch: record.epoch, offset, time, duplicate: false }
    this.outcomes.push({ job, head, record, result, message, settled: false })
  }

  #draft(head: Head): Draft {
    let record = head.record
    if (record === undefined) {
      record = { key: this.#newKey(), epoch: head.epoch, trimmed: 0 }
      this.changes.push({ kind: 'room', name: head.room, record })
    }
    const draft = { head, record, offset: head.offset, ids: new Map() }
    this.#drafts.set(head.room, draft)
    return draft
  }
}
