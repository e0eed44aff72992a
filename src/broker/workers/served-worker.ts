import type { Duplex } from 'node:stream'
import type { Clock } from '../../clock.js'
import type { Member } from '../../protocol/events.js'
import {
  type Broker,
  type DirectMessage,
  type NewMessage,
  type Page,
  type Presence,
  type ReadQuery,
  type RoomSignal,
  StoreUnavailable,
} from '../broker.js'
import type { CallError, CallName, Item, OwnCall, PlainCall } from './items.js'
import { Link } from './link.js'
import { partPage } from './page-text.js'
import { Subscription } from './subscription.js'

export interface ServedWorkerOptions {
  readonly stream: Duplex
  readonly broker: Broker
  readonly clock: Clock
  /** Starts and ends the delivery of a room's events. */
  readonly subscribed: (subscription: Subscription) => void
  readonly unsubscribed: (subscription: Subscription) => void
  /** Hands a direct message to every worker. */
  readonly direct: (user: string, message: DirectMessage) => Promise<number>
  /** Asks the worker of that name. Undefined when there is none. */
  readonly ask: (node: string, question: string) => Promise<string | undefined>
  readonly answered: (number: number, answer?: string) => void
  /** A worker's answer to `direct`. */
  readonly handed: (number: number, count: number) => void
  readonly closed: (worker: ServedWorker) => void
  readonly onError: (error: unknown, what: string) => void
}

/** Bytes that wait for a worker while it is given what it missed. */
const MAX_QUEUED_PAGES = 1024 * 1024

/** A worker as the process sees it that owns the log: its calls, its rooms, its members. */
export class ServedWorker {
  readonly link: Link
  /** Its name among the nodes; empty until it has said it. */
  node = ''
  readonly #options: ServedWorkerOptions
  readonly #subscriptions = new Map<string, Subscription>()
  /** Connections of the worker, by room and user. */
  readonly #members = new Map<string, Map<string, number>>()
  #catchingUp = false

  constructor(options: ServedWorkerOptions) {
    this.#options = options
    const { stream, clock } = options
    this.link = new Link({
      stream,
      clock,
      take: (item, text) => this.#take(item, text),
      closed: () => this.#closed(),
    })
  }

  /** To be called now and then: a worker that is behind gets the next part of the log. */
  catchUp(): void {
    if (this.#catchingUp) return
    this.#catchingUp = true
    this.#sendMissed()
      .catch((error) => this.#options.onError(error, 'a worker cannot be given what it missed yet'))
      .finally(() => {
        this.#catchingUp = false
      })
  }

  /** Page by page, as far as the worker takes them. */
  async #sendMissed(): Promise<void> {
    for (const subscription of this.#subscriptions.values()) {
      if (!subscription.isBehind) continue
      if (this.link.queued > MAX_QUEUED_PAGES) return
      await subscription.catchUp()
      this.link.onceDrained(() => this.catchUp())
    }
  }

  #take(item: Item, text: string): void {
    switch (item[0]) {
      case 'hello':
        this.node = item[1]
        return
      case 'handed':
        this.#options.handed(item[1], item[2])
        return
      case 'answer':
        this.#options.answered(item[1], item[2] ? text : undefined)
        return
      case 'call':
        this.#answer(item[1], item[2], item[3], text)
    }
  }

  #answer(number: number, name: CallName, args: readonly unknown[], text: string): void {
    this.#call(name, args, text).then(
      (result) => {
        if (name === 'read') this.#sendPage(number, result as Page)
        else if (name === 'ask') this.#sendAnswer(number, result as string | undefined)
        else this.link.send(['ok', number, result])
      },
      (error) => this.link.send(['failed', number, describeError(error)]),
    )
  }

  #call(name: CallName, args: readonly unknown[], text: string): Promise<unknown> {
    const own = this.#ownCalls[name as OwnCall] as
      | ((args: readonly unknown[], text: string) => Promise<unknown>)
      | undefined
    if (own !== undefined) return own(args, text)
    const broker = this.#options.broker as unknown as Record<
      PlainCall,
      (...args: readonly unknown[]) => Promise<unknown>
    >
    return broker[name as PlainCall](...args)
  }

  readonly #ownCalls = {
    append: (
      [room, id, user, nick, compress]: [string, string, string, string, boolean?],
      msg: string,
    ) => this.#options.broker.append(room, { id, user, nick, msg, compress } satisfies NewMessage),
    read: ([room, query]: [string, ReadQuery]) => this.#options.broker.read(room, query),
    subscribe: ([room]: [string]) => this.#subscribe(room),
    unsubscribe: async ([room]: [string]) => this.#unsubscribe(room),
    enter: ([room, member]: [string, Member]) => this.#enter(room, member),
    leave: ([room, user]: [string, string]) => this.#leave(room, user),
    signal: ([room, signal]: [string, RoomSignal]) => this.#options.broker.signal(room, signal),
    ask: ([node]: [string], question: string) => this.#options.ask(node, question),
    sendToUser: ([user, message]: [string, DirectMessage]) => this.#options.direct(user, message),
  } as const satisfies Record<OwnCall, (args: never, text: string) => Promise<unknown>>

  /**
   * The worker is among those who get the room's events before the position is asked for: what
   * comes between the two is after the position.
   */
  async #subscribe(room: string) {
    const { broker, subscribed } = this.#options
    if (!this.#subscriptions.has(room)) {
      const read: Broker['read'] = (name, query) => broker.read(name, query)
      const subscription = new Subscription(room, this.link, read)
      this.#subscriptions.set(room, subscription)
      subscribed(subscription)
    }
    try {
      return await broker.subscribe(room)
    } catch (error) {
      this.#unsubscribe(room)
      throw error
    }
  }

  #unsubscribe(room: string): void {
    const subscription = this.#subscriptions.get(room)
    if (subscription === undefined) return
    this.#subscriptions.delete(room)
    this.#options.unsubscribed(subscription)
  }

  #enter(room: string, member: Member): Promise<Presence> {
    const users = this.#members.get(room) ?? new Map<string, number>()
    this.#members.set(room, users)
    users.set(member.user, (users.get(member.user) ?? 0) + 1)
    return this.#options.broker.enter(room, member)
  }

  async #leave(room: string, user: string): Promise<Presence> {
    const { broker } = this.#options
    const users = this.#members.get(room)
    const connections = users?.get(user)
    if (users === undefined || connections === undefined) {
      const { count } = await broker.members(room, { limit: 0 })
      return { changed: false, count }
    }
    if (connections > 1) users.set(user, connections - 1)
    else users.delete(user)
    if (users.size === 0) this.#members.delete(room)
    return broker.leave(room, user)
  }

  #sendAnswer(number: number, answer: string | undefined): void {
    this.link.send(['ok', number, answer !== undefined], answer)
  }

  #sendPage(number: number, page: Page): void {
    const { head, text } = partPage(page)
    this.link.send(['ok', number, head], text)
  }

  /** With the worker its subscriptions end and its members leave. */
  #closed(): void {
    const { broker, onError, closed } = this.#options
    for (const room of [...this.#subscriptions.keys()]) this.#unsubscribe(room)
    for (const [room, users] of this.#members) {
      for (const [user, connections] of users) {
        for (let n = 0; n < connections; n++) {
          broker.leave(room, user).catch((error) => onError(error, 'a member could not leave'))
        }
      }
    }
    this.#members.clear()
    closed(this)
  }
}

function describeError(error: unknown): CallError {
  const { name, message } = error as Error
  if (error instanceof StoreUnavailable) return { name, message, retryAfter: error.retryAfter }
  return { name, message }
}
