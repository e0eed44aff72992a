import type { Clock, Scheduled } from '../../clock.js'
import { type LogMessage, StoreUnavailable } from '../broker.js'
import { EmptyRooms } from './empty-rooms.js'
import type { Head, Heads } from './heads.js'
import type { HistoryLimits } from './history.js'
import type { Log, Upkeep } from './log.js'
import { type Change, type LogStore, LostMessage, type Place, type RoomRecord } from './store.js'

export interface RetentionOptions extends HistoryLimits {
  readonly store: LogStore
  readonly heads: Heads
  readonly log: Log
  readonly clock: Clock
  /** No message younger than this is removed, so that its id is not forgotten, seconds. */
  readonly dedupeSeconds: number
  /** Whether a room must stay known though it is empty. */
  readonly inUse: (room: string) => boolean
  readonly onError: (error: unknown, what: string) => void
}

/**
 * Removes what is beyond the limits, in slices small enough not to be felt: it passes over all
 * rooms, again and again; one slice is one commit. Readers do not depend on it (`firstVisible`).
 */
export class Retention {
  readonly #options: RetentionOptions
  readonly #empty = new EmptyRooms()
  #next: Scheduled | undefined
  #stopped = false
  /** Name of the last room looked at in this pass. */
  #after: string | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule(BETWEEN_PASSES)
  }

  stop(): void {
    this.#stopped = true
    this.#next?.cancel()
  }

  #schedule(delay: number): void {
    if (this.#stopped) return
    this.#next = this.#options.clock.after(delay, () => void this.#run())
  }

  async #run(): Promise<void> {
    let delay = BETWEEN_PASSES
    try {
      await this.#options.log.upkeep(() => {
        const slice = this.#slice()
        delay = slice.delay
        return slice
      })
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#options.onError(error, 'retention failed')
    }
    this.#schedule(delay)
  }

  #slice(): Upkeep & { delay: number } {
    const slice = new Slice(this.#options, this.#empty)
    const garbage = this.#options.store.discarded()
    if (garbage !== undefined) {
      slice.changes.push({ kind: 'sweep', room: garbage, limit: MAX_REMOVALS })
      slice.delay = 0
      return slice
    }
    const after = this.#after
    const names = this.#options.store.roomNames({
      limit: MAX_ROOMS,
      ...(after === undefined ? undefined : { after }),
    })
    for (const name of names) {
      slice.visit(name)
      if (slice.full) {
        slice.delay = 0
        return slice
      }
      this.#after = name
    }
    const atEnd = names.length < MAX_ROOMS
    if (atEnd) this.#after = undefined
    slice.delay = atEnd ? BETWEEN_PASSES : BETWEEN_SLICES
    return slice
  }
}

/** The changes of one commit. */
class Slice implements Upkeep {
  readonly changes: Change[] = []
  readonly heads: Head[] = []
  delay = 0
  readonly #options: RetentionOptions
  readonly #empty: EmptyRooms
  #room = MAX_REMOVALS

  constructor(options: RetentionOptions, empty: EmptyRooms) {
    this.#options = options
    this.#empty = empty
  }

  get full(): boolean {
    return this.#room <= 0
  }

  /** Trims a room as far as there is room in this slice, or forgets it when it has been empty for long. */
  visit(name: string): void {
    const { store, heads, historyMessages, historySeconds, dedupeSeconds, clock } = this.#options
    const record = store.room(name)
    if (record === undefined) return
    const oldest = store.oldest(record.key)
    if (oldest === undefined) {
      this.#forget(name, record.key)
      return
    }
    this.#empty.delete(name)
    const now = clock.now()
    const remembered = now - dedupeSeconds * 1000
    const kept = now - historySeconds * 1000
    if (oldest.time >= remembered) return
    const head = heads.get(name)
    const expired = ({ offset, time }: Place) =>
      time < remembered && (time < kept || offset <= head.offset - historyMessages)
    if (!expired(oldest)) return
    const trimmed = this.#trim(record, oldest.offset, head.offset, expired)
    head.first = Math.max(head.first, trimmed + 1)
    this.changes.push({ kind: 'room', name, record: { ...record, trimmed } })
    this.heads.push(head)
  }

  /** Trims messages from `from` on while they are expired; returns the last offset trimmed. */
  #trim(record: RoomRecord, from: number, to: number, expired: (place: Place) => boolean): number {
    const { store } = this.#options
    const room = record.key
    let trimmed = record.trimmed
    try {
      for (const message of store.messages(room, from, to)) {
        if (this.full || !expired(message)) break
        this.#room--
        trimmed = message.offset
        this.changes.push({ kind: 'trim', room, offset: trimmed, author: authorOf(message) })
      }
    } catch (error) {
      if (!(error instanceof LostMessage)) throw error
      this.#room--
      trimmed = error.offset
      this.changes.push({ kind: 'trim', room, offset: trimmed, author: undefined })
    }
    return trimmed
  }

  /**
   * Forgets a room whose messages are all gone. Its next message would get offset 1 of the epoch
   * that rooms without a record have: that must not be an epoch which the room ever had.
   */
  #forget(name: string, key: number): void {
    const { store, heads, inUse, clock } = this.#options
    if (inUse(name) || heads.isSubscribed(name)) {
      this.#empty.delete(name)
      return
    }
    if (this.full || !this.#empty.isDue(name, key, clock.monotonic())) return
    this.#empty.delete(name)
    this.#room--
    const rotate = key > store.epoch().key && !this.changes.some(({ kind }) => kind === 'epoch')
    if (rotate) this.changes.push({ kind: 'epoch', epoch: clock.id() })
    this.changes.push({ kind: 'forget', name })
    this.heads.push(heads.get(name))
  }
}

/** Who sent a stored message and under which id: what stands before `msg` in its JSON. */
function authorOf(message: LogMessage): { user: string; id: string } {
  const end = message.json.indexOf(',"msg":')
  return JSON.parse(`${message.json.slice(0, end)}}`)
}

/** Rooms looked at, and messages removed, in one slice. */
const MAX_ROOMS = 100
const MAX_REMOVALS = 200

/** Milliseconds. */
const BETWEEN_SLICES = 20
const BETWEEN_PASSES = 10_000
