import type { LogMessage, Remembered } from '../broker.js'

/**
 * What the embedded broker keeps, behind an interface: LMDB on disk, or memory. Reads are
 * synchronous and see exactly what was committed; one commit is atomic; the broker has one commit
 * under way at a time. Any call may throw when the store is broken.
 */
export interface LogStore {
  /** Called once, before anything else. See `Life`. */
  start(life: Life): Promise<void>

  /** What is wrong with the store as a whole, as far as a look at it tells. Does not throw. */
  problem(): string | undefined

  /** The epoch of rooms that have no record. */
  epoch(): StoreEpoch

  /** The highest key that a room record ever had, 0 at first. */
  lastKey(): number

  /** A room's record, or undefined when it has none. */
  room(name: string): RoomRecord | undefined

  /** Names with a record, ascending by code point, starting after `after`, all with `prefix`. */
  roomNames(query: NamesQuery): string[]

  /** The newest message kept, or undefined when none is. */
  newest(room: number): Place | undefined

  /** The oldest message kept, or undefined when none is. */
  oldest(room: number): Place | undefined

  /** When a message was stored, or undefined when it is not kept. */
  timeOf(room: number, offset: number): number | undefined

  /**
   * Messages from `from` to `to`, both included, in that direction (`from > to`: descending).
   * Throws `LostMessage` where one is damaged.
   */
  messages(room: number, from: number, to: number): Iterable<LogMessage>

  /** Where `(user, id)` is stored in a room, or undefined when it is not. */
  find(room: number, user: string, id: string): Place | undefined

  /** Every value that was kept and not removed. */
  values(): Iterable<Remembered>

  /** A key that was discarded and still holds messages or ids. */
  discarded(): number | undefined

  /**
   * Applies all changes as one step. When it rejects, none of them took effect as far as the store
   * knows; the broker finds out once the store works again.
   */
  commit(changes: readonly Change[]): Promise<void>

  /** Resolves when everything committed so far survives a power cut. */
  flush(): Promise<void>

  /** Flushes and releases everything. */
  close(): Promise<void>
}

/** Longest room name, and longest user id and message id together, in UTF-16 units. */
export const MAX_NAME_LENGTH = 600

/** When a message counts as stored: `commit` survives a process crash, `flush` a power cut. */
export type Durability = 'commit' | 'flush'

/** One life of the store, from `start` to `close`. */
export interface Life {
  /**
   * With `commit`, messages are shown before they are flushed, and a power cut can take back what
   * was seen. After such a life that ended without `close` on a machine that was restarted since,
   * every room gets another epoch: positions of the lost tail must not be taken for new messages.
   */
  readonly durability: Durability
  /** A fresh random epoch, for the store to use where it needs one. */
  readonly epoch: string
}

export interface StoreEpoch {
  readonly epoch: string
  /** `lastKey()` when this epoch began: records with a higher key may be of this epoch. */
  readonly key: number
}

export interface RoomRecord {
  /** Key of the room's messages and ids; never used again. */
  readonly key: number
  readonly epoch: string
  /** Offset up to which messages were removed by retention; 0 at first. */
  readonly trimmed: number
}

/** Where and when a message was stored. */
export interface Place {
  readonly offset: number
  readonly time: number
}

export interface NamesQuery {
  readonly prefix?: string
  readonly after?: string
  readonly limit: number
}

/** A stored message that cannot be read any more. */
export class LostMessage extends Error {
  override readonly name = 'LostMessage'
  readonly offset: number

  constructor(offset: number) {
    super(`message ${offset} of the log is damaged or missing`)
    this.offset = offset
  }
}

export type Change =
  /** A new epoch for rooms without a record. `key`: its `lastKey`; default: the store's. */
  | { readonly kind: 'epoch'; readonly epoch: string; readonly key?: number }
  /** A room's record, new or replaced; what another key of the room held is discarded. */
  | { readonly kind: 'room'; readonly name: string; readonly record: RoomRecord }
  /** Removes the record of a room that has no messages. */
  | { readonly kind: 'forget'; readonly name: string }
  | {
      readonly kind: 'append'
      readonly room: number
      readonly user: string
      readonly id: string
      readonly message: LogMessage
    }
  /** Removes a message together with its id; `author` is undefined when it cannot be read. */
  | {
      readonly kind: 'trim'
      readonly room: number
      readonly offset: number
      readonly author: { readonly user: string; readonly id: string } | undefined
    }
  /** Makes a key's messages and ids garbage, to be swept in slices. */
  | { readonly kind: 'discard'; readonly room: number }
  /** Removes up to `limit` messages and ids of a discarded key; ends it when nothing is left. */
  | { readonly kind: 'sweep'; readonly room: number; readonly limit: number }
  /** Keeps a value, replacing what its key had. */
  | { readonly kind: 'keep'; readonly value: Remembered }
  /** Removes a value. */
  | { readonly kind: 'drop'; readonly key: string }
  /** Writes something that means nothing, to see whether writing works. */
  | { readonly kind: 'probe' }
