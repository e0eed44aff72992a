/** A message that is to be stored. */
export interface NewMessage {
  /** Idempotency key within `(user, room)`. */
  readonly id: string
  readonly user: string
  readonly nick: string
  /** The payload as JSON text. */
  readonly msg: string
  /** `false`: not to be compressed on any connection, as a secret beside what others can choose. */
  readonly compress?: boolean | undefined
}

/** A message as it stands in the log. */
export interface LogMessage {
  readonly offset: number
  /** When it was stored, milliseconds since 1970. */
  readonly time: number
  /**
   * The complete `message` event as JSON text, as `encodeMessage` built it: the log, live
   * members and pages all use this one text.
   */
  readonly json: string
}

/** Where a message is in the log, and whether it was there before. */
export interface Appended {
  readonly epoch: string
  readonly offset: number
  /** When it was stored, milliseconds since 1970. */
  readonly time: number
  readonly duplicate: boolean
}

/**
 * `after` n: the oldest messages with offset > n. `before` n: the newest with offset < n.
 * Neither: the newest. `after` wins when both are given. Order of the page: always ascending.
 */
export interface ReadQuery {
  readonly after?: number
  readonly before?: number
  /** With `after`: no message beyond this offset. */
  readonly upTo?: number
  /** Most messages, 0–1000. */
  readonly limit: number
  /** Stop before the page's JSON grows over this many UTF-16 units; at least one message comes. */
  readonly maxLength: number
}

/** A part of a room's log without a hole. */
export interface Page {
  readonly epoch: string
  /** Offset of the room's newest message; 0 when there is none. */
  readonly offset: number
  /** Oldest offset still kept; `offset + 1` when nothing is kept any more. */
  readonly first: number
  readonly messages: readonly LogMessage[]
  /** The page ends before the log (or `upTo`) does, in the direction of reading. */
  readonly more: boolean
}

/** To the members of a room that are online, from one of them. Not stored. */
export interface RoomSignal {
  readonly user: string
  readonly nick: string
  /** JSON text. */
  readonly msg: string
}

/** To a user, from another. Not stored. */
export interface DirectMessage {
  readonly user: string
  readonly nick: string
  /** JSON text. */
  readonly msg: string
  /** `false`: not to be compressed on any connection, as a secret beside what others can choose. */
  readonly compress?: boolean | undefined
  /** When it was sent, milliseconds since 1970. */
  readonly time: number
}
