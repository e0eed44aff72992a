import type { Position } from '../protocol/actions.js'
import type { Member } from '../protocol/events.js'
import type { Command } from './command.js'
import type { BrokerHealth } from './health.js'
import type {
  Appended,
  DirectMessage,
  LogMessage,
  NewMessage,
  Page,
  ReadQuery,
  RoomSignal,
} from './messages.js'
import type { MembersPage, MembersQuery, Presence, PresenceChange } from './presence.js'
import type { RoomInfo, RoomsPage, RoomsQuery } from './rooms.js'
import type { Counted, Remembered } from './values.js'

export type * from './command.js'
export * from './health.js'
export type * from './messages.js'
export type * from './presence.js'
export type * from './rooms.js'
export type * from './values.js'

/**
 * A broker keeps the rooms' logs and who is where, and carries every event to every node.
 *
 * The contract, which `test/contract/broker.ts` checks against every implementation:
 *
 * 1. A room's log has an epoch (random) and offsets 1, 2, 3 … without holes. A room that nobody
 *    wrote to has offset 0 and an epoch that stays the same until its first message and after it.
 * 2. `append` is atomic per room: the check whether `(user, room, id)` was stored before, the
 *    offset, the log entry and the hand-over to all nodes are one step. It resolves once the
 *    message is in the log ("in" is set by `DURABILITY`). When it rejects with
 *    `StoreUnavailable` the message is not in the log as far as the broker knows; where a write
 *    failed half-way it may turn out to be there after all, and is then delivered like any other.
 *    A repeat of the id settles it: one that is still in the dedupe window resolves with the
 *    first offset and time and `duplicate: true`, whatever its body, also when both were
 *    appended at the same moment or the process died in between.
 * 3. Appends by one caller to one room get offsets in the order of the calls.
 * 4. `handler.message` is called for every message of a subscribed room, on every node, in the
 *    order of offsets, each exactly once: after `subscribe` resolved with offset n the next is
 *    n + 1. It is called only with messages that are in the log, and before `append` resolves
 *    on the node that appended. A node that sees a hole in what it is given reads the missing
 *    part before it goes on.
 * 5. When a log is lost or erased, `handler.reset` comes before the first message of the new
 *    epoch. Epochs are never used again.
 * 6. `read` returns messages as they stand in the log, in order, without a hole, and says which
 *    epoch they are of. It sees every message whose `append` has resolved anywhere.
 * 7. Presence counts connections: `handler.presence` says `joined` for a user's first connection
 *    in a room and `left` after the last, once over all nodes.
 * 8. No handler call throws back into the broker, and no call waits for a handler's work.
 * 9. `command` reaches the handler of every node, this one included, commands of one caller in
 *    the order of the calls. It is not stored: a node that is cut off misses it, so that what must
 *    hold after all is remembered too.
 * 10. What was remembered is seen by every later call anywhere, also after a restart where the
 *    rooms' logs outlive one, and never after its lifetime. Of all calls to `take` for one key, at
 *    most one gets the value, also when they come at the same moment on several nodes.
 * 11. `ask` reaches the handler of the node of that name, at most once, and resolves with its
 *    answer; with undefined when there is no such node. When no answer came in time it rejects
 *    with `StoreUnavailable`: the node may have heard the question or not.
 * 12. `count` counts each call once, over all nodes, in windows that begin with a key's first event.
 *    Counts are small change: they may be forgotten at a restart, or when too many keys are counted.
 *
 * Example, on any implementation:
 *
 *     await broker.start(handler)
 *     await broker.subscribe('8888')                     // { epoch: 'aX…', offset: 0 }
 *     await broker.append('8888', { id: 'm1', user: 'ann', nick: 'Ann', msg: '"hi"' })
 *                                                        // handler.message('8888', …, offset 1)
 *                                                        // → { epoch, offset: 1, time, duplicate: false }
 *     await broker.read('8888', { after: 0, limit: 100, maxLength: 65536 })
 */
export interface Broker {
  /** Short name for health and metrics: `embedded`, `redis`, `workers`. */
  readonly name: string

  /** Name of this node, unlike any other's, also of earlier ones: 16 URL-safe characters. */
  readonly node: string

  /** Starts; every event goes to this one handler. Rejects when the store cannot be opened. */
  start(handler: BrokerHandler): Promise<void>

  /** Appends a message. See 2 and 3 of the contract. */
  append(room: string, message: NewMessage): Promise<Appended>

  /**
   * Starts delivery of a room's events to this node. Called once per room before `unsubscribe`.
   * Resolves with the position after which messages follow.
   */
  subscribe(room: string): Promise<Position>

  /** Ends delivery of a room's events to this node. */
  unsubscribe(room: string): Promise<void>

  /** Reads a page of a room's log. */
  read(room: string, query: ReadQuery): Promise<Page>

  /**
   * Counts a connection of this node into a room. `changed` is false for a user who was there
   * already under the same nick; a new nick is announced as `joined` again. Resolves after
   * `handler.presence` was or will be called on every node subscribed to the room.
   */
  enter(room: string, member: Member): Promise<Presence>

  /** Takes a connection of this node out of a room. `changed` says that it was the user's last. */
  leave(room: string, user: string): Promise<Presence>

  /** A page of a room's members over all nodes, in the order of user ids (by code point). */
  members(room: string, query: MembersQuery): Promise<MembersPage>

  /** Delivers an event to the members that are online now. Not stored. */
  signal(room: string, signal: RoomSignal): Promise<void>

  /**
   * Delivers an event to all connections of a user, on every node. Not stored.
   * Resolves with the number of connections it was handed to, as far as is known.
   */
  sendToUser(user: string, message: DirectMessage): Promise<number>

  /** A page of the rooms that have messages or members, in the order of names (by code point). */
  rooms(query: RoomsQuery): Promise<RoomsPage>

  /** One room, or undefined when it has neither messages nor members. */
  room(name: string): Promise<RoomInfo | undefined>

  /** Erases a room's log: new epoch, offset 0; every node's handler gets `reset`. */
  erase(room: string): Promise<Position>

  /** Hands a command to every node. See 9 of the contract. */
  command(command: Command): Promise<void>

  /**
   * Asks one node, whichever it is. See 11 of the contract.
   * @param question text of any length that a message may have
   */
  ask(node: string, question: string): Promise<string | undefined>

  /**
   * Keeps a small value, replacing what the key had. Rejects with `StoreUnavailable` also when
   * too many values are kept already.
   * @param key 1–600 characters
   * @param value at most 8192 characters
   * @param lifetime milliseconds after which it is gone
   */
  remember(key: string, value: string, lifetime: number): Promise<void>

  /** Gets a value and removes it, in one step. Undefined when there is none. */
  take(key: string): Promise<string | undefined>

  /** The values whose keys start with `prefix`, in no order. */
  remembered(prefix: string): Promise<Remembered[]>

  /**
   * Counts an event towards a limit that all nodes share. See 12 of the contract.
   * @param key 1–600 characters
   * @param window milliseconds from the key's first event until it is counted anew
   */
  count(key: string, window: number): Promise<Counted>

  /** Whether appends work now; when not, since when and why, for `/health/ready`. */
  health(): BrokerHealth

  /** Commits what was accepted, releases everything. After it every call rejects. */
  close(): Promise<void>
}

/** What a broker tells a node. One handler per node; calls are synchronous and do not throw. */
export interface BrokerHandler {
  message(room: string, epoch: string, message: LogMessage): void
  reset(room: string, position: Position): void
  presence(room: string, change: PresenceChange): void
  signal(room: string, signal: RoomSignal): void
  /** Returns how many connections of this node it was handed to. */
  direct(user: string, message: DirectMessage): number
  command(command: Command): void
  /** Answers what a node asked. The one call that may take its time, and that may reject. */
  answer(question: string): Promise<string>
}
