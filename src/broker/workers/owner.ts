import type { Duplex } from 'node:stream'
import type { Clock, Scheduled } from '../../clock.js'
import type { Position } from '../../protocol/actions.js'
import {
  type Broker,
  type BrokerHandler,
  type Command,
  type DirectMessage,
  type LogMessage,
  type PresenceChange,
  type RoomSignal,
  StoreUnavailable,
} from '../broker.js'
import { encodeItem } from './link.js'
import { Questions } from './questions.js'
import { ServedWorker } from './served-worker.js'
import type { Subscription } from './subscription.js'

export interface LogOwnerOptions {
  /** The broker that only this process has. Started and closed by the owner. */
  readonly broker: Broker
  readonly clock: Clock
  /** Told what went wrong where nobody waits for an answer. */
  readonly onError: (error: unknown, what: string) => void
}

/** A message to a user of which not every worker has said how many connections got it. */
interface Asked {
  waiting: number
  connections: number
  done: () => void
}

/** How often workers are told that the owner is there and how the log is, milliseconds. */
const BETWEEN_BEATS = 1000
/** How long workers have to say how many connections a message went to, milliseconds. */
const ANSWER_TIME = 500

/** How long `close` waits for workers that are still there, milliseconds. */
const CLOSE_TIME = 1000

/** Owns a broker and serves it to workers, each over a link of its own. */
export class LogOwner implements BrokerHandler {
  readonly #options: LogOwnerOptions
  readonly #workers = new Set<ServedWorker>()
  readonly #rooms = new Map<string, Set<Subscription>>()
  readonly #asked = new Map<number, Asked>()
  readonly #questions: Questions
  #numbers = 0
  #beating: Scheduled | undefined

  constructor(options: LogOwnerOptions) {
    this.#options = options
    this.#questions = new Questions(options.clock)
  }

  /** Rejects when the store cannot be opened. */
  async start(): Promise<void> {
    await this.#options.broker.start(this)
    this.#beating = this.#options.clock.every(BETWEEN_BEATS, () => this.#beat())
  }

  /** Serves a worker until the stream ends. */
  serve(stream: Duplex): void {
    const worker: ServedWorker = new ServedWorker({
      ...this.#options,
      stream,
      subscribed: (subscription) => this.#add(subscription),
      unsubscribed: (subscription) => this.#remove(subscription),
      direct: (user, message) => this.#direct(user, message),
      handed: (number, count) => this.#handed(number, count),
      ask: (node, question) => this.#ask(node, question),
      answered: (number, answer) => this.#questions.answered(number, answer),
      closed: (worker) => this.#gone(worker),
    })
    this.#workers.add(worker)
    worker.link.send(['beat', this.#options.broker.health()])
  }

  /** Ends what is left of the links, commits what was accepted. */
  async close(): Promise<void> {
    this.#beating?.cancel()
    const { clock } = this.#options
    const patience = new Promise<void>((resolve) => void clock.after(CLOSE_TIME, resolve))
    const closed = Promise.all([...this.#workers].map(({ link }) => link.close()))
    await Promise.race([closed, patience])
    for (const { link } of this.#workers) link.destroy()
    await this.#options.broker.close()
  }

  message(room: string, epoch: string, message: LogMessage): void {
    const { offset, time, json } = message
    const item = encodeItem(['message', room, epoch, offset, time], json)
    for (const subscription of this.#of(room)) subscription.message(message, item)
  }

  reset(room: string, position: Position): void {
    for (const subscription of this.#of(room)) subscription.reset(position)
  }

  presence(room: string, change: PresenceChange): void {
    for (const subscription of this.#of(room)) subscription.presence(change)
  }

  signal(room: string, signal: RoomSignal): void {
    for (const subscription of this.#of(room)) subscription.signal(signal)
  }

  /** Messages to users go to the workers, which know who is connected. */
  direct(): number {
    return 0
  }

  command(command: Command): void {
    for (const { link } of this.#workers) link.send(['command', command])
  }

  /** The owner is no node: nobody knows a name of it. */
  answer(): Promise<string> {
    return Promise.reject(new StoreUnavailable('the owner of the log has no answers'))
  }

  async #ask(node: string, question: string): Promise<string | undefined> {
    const asked = [...this.#workers].find((worker) => worker.node === node)
    return asked && this.#questions.ask(asked, question)
  }

  #gone(worker: ServedWorker): void {
    this.#workers.delete(worker)
    this.#questions.gone(worker)
  }

  #of(room: string): Iterable<Subscription> {
    return this.#rooms.get(room) ?? []
  }

  #add(subscription: Subscription): void {
    const subscriptions = this.#rooms.get(subscription.room)
    if (subscriptions === undefined) this.#rooms.set(subscription.room, new Set([subscription]))
    else subscriptions.add(subscription)
  }

  #remove(subscription: Subscription): void {
    const { room } = subscription
    const subscriptions = this.#rooms.get(room)
    if (!subscriptions?.delete(subscription) || subscriptions.size > 0) return
    this.#rooms.delete(room)
    const { broker, onError } = this.#options
    broker.unsubscribe(room).catch((error) => onError(error, 'a room could not be unsubscribed'))
  }

  /** Resolves with the number of connections of the workers that answered in time. */
  async #direct(user: string, message: DirectMessage): Promise<number> {
    const number = ++this.#numbers
    const asked: Asked = { waiting: this.#workers.size, connections: 0, done: () => {} }
    this.#asked.set(number, asked)
    const all = new Promise<void>((resolve) => {
      asked.done = resolve
    })
    const timeout = this.#options.clock.after(ANSWER_TIME, asked.done)
    for (const { link } of this.#workers) link.send(['direct', number, user, message])
    await all
    timeout.cancel()
    this.#asked.delete(number)
    return asked.connections
  }

  #handed(number: number, count: number): void {
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    asked.connections += count
    if (--asked.waiting === 0) asked.done()
  }

  #beat(): void {
    const health = this.#options.broker.health()
    for (const worker of this.#workers) {
      worker.link.send(['beat', health])
      worker.catchUp()
    }
  }
}
