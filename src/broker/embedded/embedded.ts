import type { Clock } from '../../clock.js'
import type { Position } from '../../protocol/actions.js'
import type { Member } from '../../protocol/events.js'
import {
  type Appended,
  type Broker,
  type BrokerHandler,
  type BrokerHealth,
  type Command,
  type Counted,
  type DirectMessage,
  type MembersPage,
  type MembersQuery,
  type NewMessage,
  type Page,
  type Presence,
  type ReadQuery,
  type Remembered,
  type RoomInfo,
  type RoomSignal,
  type RoomsPage,
  type RoomsQuery,
  StoreUnavailable,
} from '../broker.js'
import { Counters } from '../counters.js'
import { GuardedHandler } from '../guarded-handler.js'
import { Heads } from './heads.js'
import { History } from './history.js'
import { Log } from './log.js'
import { PresenceTable } from './presence.js'
import { Retention } from './retention.js'
import { listRooms } from './room-list.js'
import { type Durability, type LogStore, MAX_NAME_LENGTH } from './store.js'
import { Values } from './values.js'

export interface EmbeddedBrokerOptions {
  /** Where the log is kept; closed by the broker's `close`. */
  readonly store: LogStore
  readonly clock: Clock
  /** When a message counts as stored: `commit` survives a process crash, `flush` a power cut. */
  readonly durability: Durability
  /** Messages kept per room. */
  readonly historyMessages: number
  /** How long messages are kept, seconds. */
  readonly historySeconds: number
  /** How long a message's id is remembered at least, seconds. Default 600. */
  readonly dedupeSeconds?: number
  /** Told what went wrong where nobody waits for an answer. Default: nothing. */
  readonly onError?: (error: unknown, what: string) => void
}

/** The broker of a single process: rooms' logs in a local store, presence in memory. */
export function createEmbeddedBroker(options: EmbeddedBrokerOptions): Broker {
  return new EmbeddedBroker(options)
}

class EmbeddedBroker implements Broker {
  readonly name = 'embedded'
  readonly node: string
  readonly #options: EmbeddedBrokerOptions
  readonly #heads: Heads
  readonly #log: Log
  readonly #history: History
  readonly #presence: PresenceTable
  readonly #retention: Retention
  readonly #values: Values
  readonly #counters: Counters
  readonly #handler: GuardedHandler
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options
    this.node = options.clock.id()
    const { store, clock, durability, onError = () => {} } = options
    this.#handler = new GuardedHandler(onError)
    this.#heads = new Heads(store)
    this.#history = new History({ ...options, onError })
    this.#log = new Log({
      store,
      heads: this.#heads,
      clock,
      durability,
      onError,
      events: {
        message: ({ room, epoch }, message) =>
          this.#handler.tell((handler) => handler.message(room, epoch, message)),
        reset: ({ room, epoch }) =>
          this.#handler.tell((handler) => handler.reset(room, { epoch, offset: 0 })),
      },
    })
    this.#presence = new PresenceTable((room, change) => {
      if (!this.#heads.isSubscribed(room)) return
      this.#handler.tell((handler) => handler.presence(room, change))
    })
    this.#retention = new Retention({
      ...options,
      dedupeSeconds: options.dedupeSeconds ?? 600,
      heads: this.#heads,
      log: this.#log,
      inUse: (room) => this.#presence.count(room) > 0,
      onError,
    })
    this.#counters = new Counters(clock)
    this.#values = new Values({ store, clock, log: this.#log, onError })
  }

  async start(handler: BrokerHandler): Promise<void> {
    await this.#log.start()
    this.#values.start()
    this.#handler.set(handler)
    this.#retention.start()
  }

  append(room: string, message: NewMessage): Promise<Appended> {
    const { user, id } = message
    const fits = isName(room) && user.length + id.length <= MAX_NAME_LENGTH
    return fits ? this.#log.append(room, message) : Promise.reject(new RangeError(BAD_NAME))
  }

  async subscribe(room: string): Promise<Position> {
    return this.#reading(() => {
      const { epoch, offset } = this.#heads.subscribe(room)
      return { epoch, offset }
    })
  }

  async unsubscribe(room: string): Promise<void> {
    this.#assertOpen()
    this.#heads.unsubscribe(room)
  }

  async read(room: string, query: ReadQuery): Promise<Page> {
    return this.#reading(() => this.#history.page(this.#heads.get(room), query))
  }

  async enter(room: string, member: Member): Promise<Presence> {
    this.#assertOpen()
    return this.#presence.enter(room, member)
  }

  async leave(room: string, user: string): Promise<Presence> {
    this.#assertOpen()
    return this.#presence.leave(room, user)
  }

  async members(room: string, query: MembersQuery): Promise<MembersPage> {
    this.#assertOpen()
    return this.#presence.page(room, query)
  }

  async signal(room: string, signal: RoomSignal): Promise<void> {
    this.#assertOpen()
    if (this.#heads.isSubscribed(room))
      this.#handler.tell((handler) => handler.signal(room, signal))
  }

  async sendToUser(user: string, message: DirectMessage): Promise<number> {
    this.#assertOpen()
    return this.#handler.tell((handler) => handler.direct(user, message)) ?? 0
  }

  async rooms(query: RoomsQuery): Promise<RoomsPage> {
    const { store } = this.#options
    return this.#reading(() =>
      listRooms(store, this.#presence, (room) => this.#describe(room), query),
    )
  }

  async room(name: string): Promise<RoomInfo | undefined> {
    return this.#reading(() => this.#describe(name))
  }

  erase(room: string): Promise<Position> {
    return isName(room) ? this.#log.erase(room) : Promise.reject(new RangeError(BAD_NAME))
  }

  async command(command: Command): Promise<void> {
    this.#assertOpen()
    this.#handler.tell((handler) => handler.command(command))
  }

  async ask(node: string, question: string): Promise<string | undefined> {
    this.#assertOpen()
    if (node !== this.node) return undefined
    return this.#handler.answer(question)
  }

  async remember(key: string, value: string, lifetime: number): Promise<void> {
    this.#assertOpen()
    await this.#values.remember(key, value, lifetime)
  }

  async take(key: string): Promise<string | undefined> {
    this.#assertOpen()
    return this.#values.take(key)
  }

  async count(key: string, window: number): Promise<Counted> {
    this.#assertOpen()
    return this.#counters.count(key, window)
  }

  async remembered(prefix: string): Promise<Remembered[]> {
    this.#assertOpen()
    return this.#values.list(prefix)
  }

  health(): BrokerHealth {
    return this.#log.health()
  }

  close(): Promise<void> {
    this.#retention.stop()
    this.#values.stop()
    this.#closing ??= this.#log.close()
    return this.#closing
  }

  #describe(room: string): RoomInfo | undefined {
    const head = this.#heads.get(room)
    const first = this.#history.first(head)
    const members = this.#presence.count(room)
    if (first > head.offset && members === 0) return undefined
    const { epoch, offset, record } = head
    const lastMessage =
      first > offset || !record ? undefined : this.#options.store.timeOf(record.key, offset)
    return { room, members, epoch, offset, first, lastMessage }
  }

  #reading<T>(read: () => T): T {
    this.#assertOpen()
    try {
      return read()
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      throw new StoreUnavailable(`the log cannot be read: ${String(error)}`, { cause: error })
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailable('the broker is closed')
  }
}

const BAD_NAME = `a name is empty or longer than ${MAX_NAME_LENGTH} characters`

function isName(room: string): boolean {
  return room !== '' && room.length <= MAX_NAME_LENGTH
}
