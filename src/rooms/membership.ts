import { type Broker, StoreUnavailable } from '../broker/broker.js'
import type { Connection, Membership } from '../connections/connection.js'
import type { ActionOf } from '../protocol/actions.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodeEvent, encodeOkWithMessages } from '../protocol/encode.js'
import { MAX_MEMBERS_IN_JOIN } from '../protocol/limits.js'
import { catchUp, goLive, isUpToDate, readStart } from './join.js'
import { Joiner } from './joiner.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'

export interface MembershipOptions {
  readonly broker: Broker
  readonly rooms: Rooms
  /** Most bytes held back for one joining connection. */
  readonly maxHeldBytes: number
  /** Longest page of messages, UTF-16 units of JSON. */
  readonly maxPageLength: number
  /** Told of failures that no reply can tell any more. */
  readonly onError: (error: unknown, connection: Connection) => void
}

/** Who is in which room: joining, leaving, and what a lost connection leaves behind. */
export class Memberships {
  readonly #options: MembershipOptions

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  /**
   * Joins a room, or joins it again from another position. The reply is sent by this, because
   * nothing of the room may reach the client before it and nothing may be missing after it.
   * @throws {StoreUnavailable} and leaves the connection outside the room.
   */
  async join(connection: Connection, action: ActionOf<'join'>): Promise<void> {
    const { rooms, maxHeldBytes } = this.#options
    const before = connection.rooms.get(action.room)
    const nick = action.nick ?? before?.nick ?? connection.identity.nick
    const room = before ? rooms.get(action.room) : await rooms.acquire(action.room)
    if (!room) return
    if (!connection.open) {
      if (!before) rooms.release(action.room)
      return
    }
    // What has come in is due to a member: the reply begins behind it, or behind `since`.
    if (before && action.since === undefined) room.flush()
    const joiner = new Joiner(connection, maxHeldBytes)
    const membership = this.#enter(connection, room, nick, before)
    membership.joiner = joiner
    room.joiners.add(joiner)
    try {
      await this.#bringUpToDate(room, membership, joiner, action)
    } catch (error) {
      if (connection.rooms.get(action.room) === membership) {
        await this.leave(connection, action.room).catch(() => {
          // The join's own error says that the store is away; the lease ends what stayed behind.
        })
      }
      throw error
    }
  }

  /** Leaves a room. Resolves when the others are told, with how many members are left. */
  async leave(connection: Connection, name: string): Promise<number | undefined> {
    const { broker, rooms } = this.#options
    const membership = connection.rooms.get(name)
    if (!membership) return undefined
    connection.rooms.delete(name)
    const room = rooms.get(name)
    if (room) {
      room.dismiss(connection)
      cancelJoiner(room, membership)
    }
    rooms.release(name)
    await membership.entered
    const { count } = await broker.leave(name, connection.user)
    return count
  }

  /** Takes a connection out of a room against its will: it is told with a `left` that says so. */
  async expel(connection: Connection, room: string): Promise<void> {
    const membership = connection.rooms.get(room)
    if (!membership) return
    const members = await this.leave(connection, room)
    if (members === undefined) return
    const { user } = connection
    const { nick } = membership
    connection.send(encodeEvent({ event: 'left', room, user, nick, members, removed: true }))
  }

  /** Leaves every room; for a connection that is gone. */
  leaveAll(connection: Connection): void {
    for (const name of [...connection.rooms.keys()]) {
      this.leave(connection, name).catch((error) => {
        // That the store is away is told once and elsewhere; the lease ends what stayed behind.
        if (!(error instanceof StoreUnavailable)) this.#options.onError(error, connection)
      })
    }
  }

  #enter(
    connection: Connection,
    room: Room,
    nick: string,
    before: Membership | undefined,
  ): Membership {
    const { broker } = this.#options
    const member = { user: connection.user, nick }
    if (!before) {
      const membership = { nick, entered: broker.enter(room.name, member), joiner: undefined }
      connection.rooms.set(room.name, membership)
      return membership
    }
    room.members.delete(connection)
    cancelJoiner(room, before)
    if (nick !== before.nick) {
      before.nick = nick
      // In under the new nick and out once: the count stays, the others see the new nick.
      before.entered = before.entered
        .then(() => broker.enter(room.name, member))
        .then(() => broker.leave(room.name, connection.user))
    }
    return before
  }

  async #bringUpToDate(
    room: Room,
    membership: Membership,
    joiner: Joiner,
    action: ActionOf<'join'>,
  ): Promise<void> {
    const { broker, maxPageLength } = this.#options
    const { entered } = membership
    await entered
    // What it resolved with is no use to anyone any more, for as long as the connection is here.
    if (membership.entered === entered) membership.entered = ENTERED
    const start = await readStart(broker, room, joiner, action, maxPageLength)
    const { members, count } = await broker.members(room.name, { limit: MAX_MEMBERS_IN_JOIN })
    if (joiner.cancelled || !joiner.connection.open) return
    const { epoch, offset, first, recovered, messages } = start
    const result = { room: room.name, epoch, offset, first, recovered, members, count }
    joiner.connection.send(encodeOkWithMessages(action.id, result, messages))
    if (joiner.stale || isUpToDate(room, start)) {
      membership.joiner = undefined
      goLive(room, joiner, start.offset)
      return
    }
    catchUp(broker, room, joiner, start, maxPageLength)
      .then(() => {
        if (membership.joiner === joiner) membership.joiner = undefined
      })
      .catch((error) => {
        this.#options.onError(error, joiner.connection)
        joiner.connection.close(CloseCode.tryAgainLater, 'Store unavailable')
      })
  }
}

const ENTERED: Promise<unknown> = Promise.resolve()

function cancelJoiner(room: Room, membership: Membership): void {
  if (!membership.joiner) return
  membership.joiner.cancelled = true
  room.joiners.delete(membership.joiner as Joiner)
  membership.joiner = undefined
}
