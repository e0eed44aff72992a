import type { Position } from '../src/protocol/actions.js'
import type { Member } from '../src/protocol/events.js'
import type { ParleyError } from './errors.js'

/** `joining` also while the client reconnects; `failed` when the server refused the join. */
export type RoomState = 'left' | 'joining' | 'joined' | 'failed'

/** A stored message. */
export interface RoomMessage<Msg> {
  /** Place in the room's log: 1, 2, 3 … */
  readonly offset: number
  /** Which life of the log the offset counts in. */
  readonly epoch: string
  /** The sender's id of the message, as given to or made by `send`. */
  readonly id: string
  readonly user: string
  readonly nick: string
  readonly msg: Msg
  /** Milliseconds since 1970, server clock. */
  readonly time: number
}

/** Someone came or went. */
export interface PresenceChange extends Member {
  /** Members after the change. */
  readonly members: number
}

/** An ephemeral message. */
export interface SignalEvent<Sig> extends Member {
  readonly msg: Sig
}

/** The sequence of messages is broken, and this is where it goes on. */
export interface ResetEvent extends Position {
  /**
   * `erased`: the log began anew, and what was emitted is not part of it. What the new one already
   * has, up to 1000 messages, is emitted next.
   * `gap`: more was missed than the server keeps; what was shown is still true.
   */
  readonly reason: 'erased' | 'gap'
}

/** Events of a room, with the arguments that handlers get. */
export interface RoomEvents<Msg, Sig> {
  /** Each message of the log from the join on, in order, once; the history of `join` included. */
  message: [message: RoomMessage<Msg>]
  /** The next message has `offset` + 1 of `epoch`, and does not follow the last one. */
  reset: [reset: ResetEvent]
  joined: [change: PresenceChange]
  left: [change: PresenceChange]
  signal: [signal: SignalEvent<Sig>]
  /** `memberList` or `count` changed. */
  members: []
  /** `outbox` changed. */
  outbox: []
  state: [state: RoomState, detail: { error?: ParleyError | undefined }]
}

export interface JoinOptions {
  /** Name that others see in this room. Default: the token's. */
  readonly nick?: string
  /** How many messages of the log to begin with, 0–1000. Default: 0, only what comes from now on. */
  readonly history?: number
  /** Go on from here instead, for a reader that keeps its position itself. */
  readonly since?: Position
}

export interface JoinInfo extends Position {
  /** Oldest offset that is still kept; 0 in an empty room. */
  readonly first: number
  /** The first 100 members. */
  readonly members: readonly Member[]
  /** How many members there are. */
  readonly count: number
}

/** Where and when a message was stored. */
export interface SendInfo extends Position {
  /** Milliseconds since 1970, server clock. */
  readonly time: number
  /** An earlier attempt had stored it already. */
  readonly duplicate?: boolean
}

/** A promise for the server's confirmation that also tells the message's id at once. */
export type PendingSend = Promise<SendInfo> & { readonly id: string }

/** A message that the server has not confirmed. */
export interface OutboxItem<Msg> {
  readonly id: string
  readonly msg: Msg
  readonly state: 'pending' | 'sending' | 'failed'
  /** Why it failed. */
  readonly error?: ParleyError | undefined
}

/** A page: `after` the oldest that follow, `before` the newest that precede, neither the newest. */
export interface HistoryQuery {
  readonly before?: number
  readonly after?: number
  /** 1–1000. Default: 100. */
  readonly limit?: number
}

export interface HistoryPage<Msg> extends Position {
  readonly first: number
  /** Oldest first. */
  readonly messages: readonly RoomMessage<Msg>[]
  /** The page ends before the log does, in its direction. */
  readonly more: boolean
}

export interface MembersPage {
  readonly members: readonly Member[]
  readonly count: number
  readonly more: boolean
}

/**
 * A room. Once joined it stays joined, through every reconnect, until `leave()`.
 *
 * `for await (const message of room)` reads its messages until it is left; a loop that falls more
 * than 10 000 messages behind ends with `OVERFLOW`.
 */
export interface Room<Msg = unknown, Sig = unknown> extends AsyncIterable<RoomMessage<Msg>> {
  readonly name: string
  readonly state: RoomState
  /** Everything up to here was emitted. Undefined before the first join. */
  readonly position: Position | undefined
  /** Members, in the order in which they became known; the first 1000. */
  readonly memberList: readonly Member[]
  /** How many members there are. */
  readonly count: number
  /** What is not confirmed yet, in the order of sending. */
  readonly outbox: readonly OutboxItem<Msg>[]
  /** Calls `handler` on each event of this name until the function that is returned is called. */
  on<Name extends keyof RoomEvents<Msg, Sig>>(
    name: Name,
    handler: (...args: RoomEvents<Msg, Sig>[Name]) => void,
  ): () => void
  /**
   * Joins, connecting first if need be. Resolves after the messages asked for were emitted;
   * rejects when the server refuses (`FORBIDDEN`, `ROOM_LIMIT`, `BAD_FIELD`).
   */
  join(options?: JoinOptions): Promise<JoinInfo>
  /** Leaves. Messages that were not sent yet fail with `LEFT`. */
  leave(): Promise<void>
  /**
   * Sends a message: after those before it, and once, however often the connection breaks.
   * Resolves when the server has stored it. Rejects with `TOO_LARGE`, `FORBIDDEN`, `BAD_FIELD` and
   * the like, with `OUTBOX_FULL`, or with `NOT_A_MEMBER` before `join()`.
   *
   * An `id` of one's own (1–64 visible ASCII characters) makes sending it twice harmless.
   */
  send(msg: Msg, options?: { id?: string }): PendingSend
  /** Sends a failed message again, as the last one. */
  retry(id: string): PendingSend
  /** Forgets a message. One that is being sent may arrive all the same. */
  discard(id: string): void
  /** Tells the members that are online now. Returns false when it could not be sent. */
  signal(msg: Sig): boolean
  /** A page of stored messages. Not repeated when the connection is lost: `DISCONNECTED`. */
  history(query?: HistoryQuery): Promise<HistoryPage<Msg>>
  /** A page of the members, over all nodes, in the order of user ids. */
  members(query?: { after?: string; limit?: number }): Promise<MembersPage>
}
