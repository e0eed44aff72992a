import type { LogMessage } from '../broker.js'

/**
 * What the embedded broker keeps, behind an interface: LMDB on disk, or memory. Reads are
 * synchronous and see exactly what was committed; one commit is atomic.
 */
export interface LogStore {
  /** Id of this life of the store: the epoch of rooms that have no record yet. */
  epoch(): string

  /** A room's record, or undefined when it has none. */
  room(name: string): RoomRecord | undefined

  /** Names with a record, ascending by code point, starting after `after`, all with `prefix`. */
  roomNames(query: { prefix?: string; after?: string; limit: number }): string[]

  /** Offset of the newest message kept, or undefined when none is. */
  newest(room: number): number | undefined

  /** Offset of the oldest message kept, or undefined when none is. */
  oldest(room: number): number | undefined

  /** Messages from `from` to `to`, both included, in that direction (`from > to`: descending). */
  messages(room: number, from: number, to: number): Iterable<LogMessage>

  /** The offset under which `(user, id)` is stored in a room. */
  offsetOf(room: number, user: string, id: string): number | undefined

  /** Applies all changes as one step. Rejects when none of them took effect. */
  commit(changes: readonly Change[]): Promise<void>

  /** Resolves when everything committed so far survives a power cut. */
  flush(): Promise<void>

  close(): Promise<void>
}

export interface RoomRecord {
  /** Key of the room's messages; never used again. */
  readonly key: number
  readonly epoch: string
  /** Offset up to which messages were removed by retention; 0 at first. */
  readonly trimmed: number
}

export type Change =
  | { readonly kind: 'epoch'; readonly epoch: string }
  | { readonly kind: 'room'; readonly name: string; readonly record: RoomRecord }
  | { readonly kind: 'forget'; readonly name: string }
  | {
      readonly kind: 'append'
      readonly room: number
      readonly user: string
      readonly id: string
      readonly message: LogMessage
    }
  | {
      readonly kind: 'trim'
      readonly room: number
      readonly user: string
      readonly id: string
      readonly offset: number
    }
