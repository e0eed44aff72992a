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
import { GuardedHandler } from '../guarded-handler.js'
import { Appends } from './appends.js'
import { Bus } from './bus.js'
import { Feeds } from './feeds.js'
import { Keys } from './keys.js'
import { ERASE } from './log-scripts.js'
import type { RedisBrokerOptions } from './options.js'
import { readPage } from './page.js'
import { ClusterPresence } from './presence.js'
import { Questions } from './questions.js'
import { RoomsList } from './rooms-list.js'
import type { Session } from './session.js'
import { Shards } from './shards.js'
import { parseRedisUrl } from './topology.js'
import { Values } from './values.js'

/**
 * The broker of many nodes: rooms' logs, presence and everything else in Redis.
 * @throws {TypeError} when a URL is none.
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(options)
}

/** How long `close` waits for what is under way, milliseconds. */
const CLOSE_TIME = 5000

class RedisBroker implements Broker {
  readonly name = 'redis'
  readonly node: string
  readonly #options: RedisBrokerOptions
  readonly #onError: (error: unknown, what: string) => void
  readonly #handler: GuardedHandler
  readonly #keys: Keys
  readonly #shards: Shards
  readonly #appends: Appends
  readonly #feeds: Feeds
  readonly #presence: ClusterPresence
  readonly #bus: Bus
  readonly #questions: Questions
  readonly #values: Values
  readonly #roomsList: RoomsList
  #started = false
  #closing: Promise<void> | undefined

  constructor(options: RedisBrokerOptions) {
    this.#options = options
    const { urls, clock, prefix = 'parley', dedupeSeconds = 600, waitReplicas = 0 } = options
    const onError = options.onError ?? (() => {})
    this.#onError = onError
    this.#handler = new GuardedHandler(onError)
    this.node = clock.id()
    const keys = new Keys(prefix)
    this.#keys = keys
    const events = { up: (session: Session) => this.#up(session) }
    const shards = new Shards({ servers: urls.map(parseRedisUrl), clock, onError, events })
    this.#shards = shards
    const tell = <T>(call: (handler: BrokerHandler) => T) => this.#handler.tell(call)
    const base = { shards, keys, clock, onError, tell }
    this.#feeds = new Feeds({ ...base, lifetime: options.historySeconds * 1000 })
    this.#appends = new Appends({
      ...options,
      ...base,
      dedupeSeconds,
      waitReplicas,
      delivered: (room, message) => this.#feeds.get(room)?.own(message),
    })
    this.#presence = new ClusterPresence(base)
    this.#bus = new Bus(base)
    this.#questions = new Questions({
      ...base,
      node: this.node,
      answer: (question) => this.#handler.answer(question),
    })
    this.#values = new Values(shards, keys)
    this.#roomsList = new RoomsList({ ...options, ...base })
  }

  async start(handler: BrokerHandler): Promise<void> {
    this.#handler.set(handler)
    await this.#shards.start()
    await this.#presence.start()
    this.#feeds.start()
    this.#started = true
  }

  async append(room: string, message: NewMessage): Promise<Appended> {
    this.#assertOpen()
    const listed = this.#roomsList.add(room)
    const appended = await this.#appends.append(room, message)
    await listed
    return appended
  }

  async subscribe(room: string): Promise<Position> {
    this.#assertOpen()
    return this.#feeds.open(room)
  }

  async unsubscribe(room: string): Promise<void> {
    this.#assertOpen()
    await this.#feeds.close(room)
  }

  async read(room: string, query: ReadQuery): Promise<Page> {
    this.#assertOpen()
    const { clock } = this.#options
    return readPage(this.#shards, this.#keys.room(room), clock.id(), this.#options, query)
  }

  async enter(room: string, member: Member): Promise<Presence> {
    this.#assertOpen()
    const listed = this.#roomsList.add(room)
    const presence = await this.#presence.enter(room, member)
    await listed
    return presence
  }

  async leave(room: string, user: string): Promise<Presence> {
    this.#assertOpen()
    return this.#presence.leave(room, user)
  }

  async members(room: string, query: MembersQuery): Promise<MembersPage> {
    this.#assertOpen()
    return this.#presence.members(room, query)
  }

  async signal(room: string, signal: RoomSignal): Promise<void> {
    this.#assertOpen()
    const { slot, channel } = this.#keys.room(room)
    await this.#shards.send(slot, ['SPUBLISH', channel, `s${JSON.stringify(signal)}`])
  }

  async sendToUser(user: string, message: DirectMessage): Promise<number> {
    this.#assertOpen()
    return this.#bus.direct(user, message)
  }

  async rooms(query: RoomsQuery): Promise<RoomsPage> {
    this.#assertOpen()
    return this.#roomsList.page(query)
  }

  async room(name: string): Promise<RoomInfo | undefined> {
    this.#assertOpen()
    return this.#roomsList.describe(name)
  }

  async erase(room: string): Promise<Position> {
    this.#assertOpen()
    const { slot, meta, log, ids, channel } = this.#keys.room(room)
    const { clock, historySeconds } = this.#options
    const epoch = clock.id()
    const args = [epoch, String(historySeconds * 1000)]
    await this.#shards.run(slot, ERASE, [meta, log, ids, channel], args)
    await this.#feeds.get(room)?.catchUp()
    return { epoch, offset: 0 }
  }

  async command(command: Command): Promise<void> {
    this.#assertOpen()
    await this.#bus.command(command)
  }

  async ask(node: string, question: string): Promise<string | undefined> {
    this.#assertOpen()
    return node === this.node ? this.#handler.answer(question) : this.#questions.ask(node, question)
  }

  async remember(key: string, value: string, lifetime: number): Promise<void> {
    this.#assertOpen()
    await this.#values.remember(key, value, lifetime)
  }

  async take(key: string): Promise<string | undefined> {
    this.#assertOpen()
    return this.#values.take(key)
  }

  async remembered(prefix: string): Promise<Remembered[]> {
    this.#assertOpen()
    return this.#values.list(prefix)
  }

  async count(key: string, window: number): Promise<Counted> {
    this.#assertOpen()
    return this.#values.count(key, window)
  }

  health(): BrokerHealth {
    return this.#shards.health()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { clock } = this.#options
    const patience = new Promise<void>((resolve) => void clock.after(CLOSE_TIME, resolve))
    this.#feeds.stop()
    await Promise.race([this.#appends.idle(), patience])
    if (this.#started) await Promise.race([this.#presence.close().catch(() => {}), patience])
    this.#shards.close()
  }

  /** Makes sure of everything that was true with the session before. */
  #up(session: Session): void {
    this.#appends.resume()
    for (const listener of [this.#bus, this.#questions])
      listener.listen(session).catch((error) => session.end(String(error)))
    this.#feeds.resume(session)
    if (!this.#started) return
    this.#presence.reassert().catch((error) => this.#onError(error, 'presence is incomplete'))
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailable('the broker is closed')
  }
}
