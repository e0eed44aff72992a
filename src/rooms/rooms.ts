import type {
  Appended,
  Broker,
  BrokerHandler,
  LogMessage,
  NewMessage,
  PresenceChange,
  RoomSignal,
} from '../broker/broker.js'
import type { Connection, FlushQueue } from '../connections/connection.js'
import type { Position } from '../protocol/actions.js'
import { encodeSignal } from '../protocol/encode.js'
import { Room } from './room.js'

interface Entry {
  readonly room: Room
  /** Resolves when the subscription stands. */
  readonly ready: Promise<void>
  /** How many members and joiners hold the room here. */
  holders: number
}

/** The rooms in which this node has members, and the broker's events on their way to them. */
export class Rooms implements Omit<BrokerHandler, 'direct' | 'command' | 'answer'> {
  readonly #broker: Broker
  readonly #flushQueue: FlushQueue
  readonly #onDelivered: (storedAt: number) => void
  readonly #entries = new Map<string, Entry>()
  /** Subscriptions that are being ended: a new one of the same room waits for that. */
  readonly #ending = new Map<string, Promise<void>>()

  /** `onDelivered` is told when the oldest message of what a room has just written was stored. */
  constructor(
    broker: Broker,
    flushQueue: FlushQueue,
    onDelivered: (storedAt: number) => void = () => {},
  ) {
    this.#broker = broker
    this.#flushQueue = flushQueue
    this.#onDelivered = onDelivered
  }

  /** Rooms with members here. */
  get size(): number {
    return this.#entries.size
  }

  get(name: string): Room | undefined {
    return this.#entries.get(name)?.room
  }

  /** The live members of a room here. */
  membersOf(name: string): ReadonlySet<Connection> | undefined {
    return this.#entries.get(name)?.room.members
  }

  /**
   * Holds a room, subscribing to it when it is the first to do so. Each call wants one `release`.
   * @throws whatever the broker's `subscribe` throws; nothing is held then.
   */
  async acquire(name: string): Promise<Room> {
    let entry = this.#entries.get(name)
    if (!entry) {
      const room = new Room(name, this.#flushQueue, this.#onDelivered)
      entry = { room, ready: this.#subscribe(room), holders: 0 }
      this.#entries.set(name, entry)
    }
    entry.holders++
    try {
      await entry.ready
    } catch (error) {
      this.#drop(name, entry, false)
      throw error
    }
    return entry.room
  }

  /** Lets go of a room; the last one to do so ends the subscription. */
  release(name: string): void {
    const entry = this.#entries.get(name)
    if (entry) this.#drop(name, entry, true)
  }

  /**
   * Appends a message to a room's log; the room, if it has members here, waits a little for it
   * before it writes what it has.
   * @param stored makes of the place what this resolves with: as there is a promise for each message
   * under way, one less is worth it
   * @throws whatever the broker's `append` throws
   */
  append<T>(name: string, message: NewMessage, stored: (place: Appended) => T): Promise<T> {
    const appending = this.#broker.append(name, message)
    const room = this.get(name)
    room?.expect()
    return appending.then(
      (place) => {
        room?.settled()
        return stored(place)
      },
      (error) => {
        room?.settled()
        throw error
      },
    )
  }

  message(name: string, epoch: string, message: LogMessage): void {
    this.get(name)?.message(epoch, message)
  }

  reset(name: string, position: Position): void {
    this.get(name)?.reset(position)
  }

  presence(name: string, { change, user, nick, count }: PresenceChange): void {
    const event = { event: change, room: name, user, nick, members: count }
    this.get(name)?.event(JSON.stringify(event))
  }

  signal(name: string, signal: RoomSignal): void {
    this.get(name)?.event(encodeSignal({ room: name, ...signal }))
  }

  async #subscribe(room: Room): Promise<void> {
    await this.#ending.get(room.name)
    room.start(await this.#broker.subscribe(room.name))
  }

  #drop(name: string, entry: Entry, subscribed: boolean): void {
    if (--entry.holders > 0 || this.#entries.get(name) !== entry) return
    this.#entries.delete(name)
    if (!subscribed) return
    const ended = this.#broker
      .unsubscribe(name)
      .catch(() => {
        // A subscription that cannot be ended only brings events that nobody here is waiting for.
      })
      .finally(() => {
        if (this.#ending.get(name) === ended) this.#ending.delete(name)
      })
    this.#ending.set(name, ended)
  }
}
