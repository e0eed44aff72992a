import type { Member } from '../protocol/events.js'

/** What it came to that a connection entered a room or left it. */
export interface Presence {
  /** Whether the others are told: see `Broker.enter` and `Broker.leave`. */
  readonly changed: boolean
  /** Users in the room, over all nodes. */
  readonly count: number
}

/** A user came to a room, or is gone from it. */
export interface PresenceChange {
  readonly change: 'joined' | 'left'
  readonly user: string
  readonly nick: string
  /** Users in the room after the change. */
  readonly count: number
}

/** Which members a page is to have. */
export interface MembersQuery {
  /** Continue after this user id. */
  readonly after?: string
  /** Most members. */
  readonly limit: number
}

/** Members in the order of their user ids, by code point. */
export interface MembersPage {
  readonly members: readonly Member[]
  /** Users in the room, over all nodes. */
  readonly count: number
  /** Members follow behind the last one. */
  readonly more: boolean
}
