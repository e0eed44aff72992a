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

/** A new message: the change and its outcome are one object, as there are so many of them. */
interface Append extends Outcome {
  readonly kind: 'append'
  readonly room: number
  readonly user: string
  readonly id: string
  readonly message: LogMessage
  /** Another user's message of this batch under the same id. */
  readonly next: Append | undefined
}

/** A room's head as it will be when the batch is committed. */
interface Draft {
  readonly head: Head
  readonly record: RoomRecord
  offset: number
  /** The first that this batch appends; most batches have one message of a room. */
  first: Append | undefined
  /** What this batch appends, by id, from the second message on. */
  ids: Map<string, Append> | undefined
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
    const { user, id } = job.message
    const open = this.#drafts.get(job.room)
    const head = open?.head ?? this.#heads.get(job.room)
    const sameId = open && withId(open, id)
    for (let other = sameId; other !== undefined; other = other.next) {
      if (other.user === user) {
        this.#repeat(job, head, other.result.epoch, other.result, false)
        return
      }
    }
    const record = open?.record ?? head.record
    const stored = record && this.#store.find(record.key, user, id)
    if (record !== undefined && stored !== undefined) {
      this.#repeat(job, head, record.epoch, stored, true)
      return
    }
    this.#add(job, open ?? this.#draft(head), sameId)
  }

  /** Adds the erasure of a room's log, which gives it `epoch`. Throws what the store throws. */
  erase(job: EraseJob, epoch: string): void {
    const open = this.#drafts.get(job.room)
    const head = open?.head ?? this.#heads.get(job.room)
    const old = (open?.record ?? head.record)?.key
    const record = { key: this.#newKey(), epoch, trimmed: 0 }
    this.#drafts.set(job.room, newDraft(head, record, 0))
    this.changes.push({ kind: 'room', name: job.room, record })
    if (old !== undefined) this.changes.push({ kind: 'discard', room: old })
    const result = { epoch, offset: 0, time: this.#time, duplicate: false }
    this.outcomes.push({ job, head, record, result, message: undefined, settled: false })
  }

  /** The rooms that the commit changes. */
  heads(): Head[] {
    return Array.from(this.#drafts.values(), ({ head }) => head)
  }

  #repeat(job: Job, head: Head, epoch: string, { offset, time }: Place, settled: boolean): void {
    const result = { epoch, offset, time, duplicate: true }
    this.outcomes.push({ job, head, record: undefined, result, message: undefined, settled })
  }

  #add(job: AppendJob, draft: Draft, next: Append | undefined): void {
    const { user, id, nick, msg, compress } = job.message
    const { head, record } = draft
    const time = this.#time
    const offset = ++draft.offset
    const json = encodeMessage({ room: job.room, offset, id, user, nick, msg, compress, time })
    const append: Append = {
      kind: 'append',
      room: record.key,
      user,
      id,
      message: { offset, time, json },
      job,
      head,
      record,
      result: { epoch: record.epoch, offset, time, duplicate: false },
      settled: false,
      next,
    }
    remember(draft, id, append)
    this.changes.push(append)
    this.outcomes.push(append)
  }

  #draft(head: Head): Draft {
    let record = head.record
    if (record === undefined) {
      record = { key: this.#newKey(), epoch: head.epoch, trimmed: 0 }
      this.changes.push({ kind: 'room', name: head.room, record })
    }
    const draft = newDraft(head, record, head.offset)
    this.#drafts.set(head.room, draft)
    return draft
  }
}

function newDraft(head: Head, record: RoomRecord, offset: number): Draft {
  return { head, record, offset, first: undefined, ids: undefined }
}

/** The newest message of this batch with an id. */
function withId({ first, ids }: Draft, id: string): Append | undefined {
  return ids ? ids.get(id) : first?.id === id ? first : undefined
}

function remember(draft: Draft, id: string, append: Append): void {
  if (draft.first === undefined) {
    draft.first = append
    return
  }
  draft.ids ??= new Map([[draft.first.id, draft.first]])
  draft.ids.set(id, append)
}
