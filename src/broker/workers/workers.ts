import type { Duplex } from 'node:stream'
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
import { GuardedHandler } from '../guarded-handler.js'
import { Calls } from './calls.js'
import { deliver } from './deliver.js'
import type { CallName, Item } from './items.js'
import { Link } from './link.js'
import { OwnerWatch } from './owner-watch.js'
import { joinPage, type PageHead } from './page-text.js'

export interface WorkersBrokerOptions {
  /** The socket to the process that owns the log. */
  readonly stream: Duplex
  readonly clock: Clock
  /** That process is gone: without it this one is of no use. Not called after `close`. */
  readonly ownerGone: () => void
  /** Told what went wrong where nobody waits for an answer. Default: nothing. */
  readonly onError?: (error: unknown, what: string) => void
}

/**
 * The broker of one of several processes on a machine, of which another one owns the log. What it
 * is asked goes to the owner; nothing is kept here.
 */
export function createWorkersBroker(options: WorkersBrokerOptions): Broker {
  return new WorkersBroker(options)
}

/** How long `close` waits for what is under way, milliseconds. */
const CLOSE_TIME = 5000

class WorkersBroker implements Broker {
  readonly name = 'workers'
  readonly node: string
  readonly #options: WorkersBrokerOptions
  readonly #handler: GuardedHandler
  readonly #owner: OwnerWatch
  #calls: Calls | undefined
  #closing: Promise<void> | undefined
  #greeted: () => void = () => {}

  constructor(options: WorkersBrokerOptions) {
    this.#options = options
    this.node = options.clock.id()
    this.#owner = new OwnerWatch(options.clock)
    this.#handler = new GuardedHandler(options.onError ?? (() => {}))
  }

  /** Resolves once the owner has said how the log is. */
  async start(handler: BrokerHandler): Promise<void> {
    this.#handler.set(handler)
    const { stream, clock } = this.#options
    const greeting = new Promise<void>((resolve) => {
      this.#greeted = resolve
    })
    const link: Link = new Link({
      stream,
      clock,
      take: (item, text) => this.#take(item, text),
      closed: () => this.#ownerGone(),
    })
    this.#calls = new Calls(link)
    link.send(['hello', this.node])
    await greeting
    this.#owner.start()
  }

  append(room: string, { id, user, nick, msg, compress }: NewMessage): Promise<Appended> {
    const fields = [room, id, user, nick]
    return this.#call('append', compress === false ? [...fields, compress] : fields, msg)
  }

  subscribe(room: string): Promise<Position> {
    return this.#call('subscribe', [room])
  }

  unsubscribe(room: string): Promise<void> {
    return this.#call('unsubscribe', [room])
  }

  async read(room: string, query: ReadQuery): Promise<Page> {
    const { result, text } = await this.#ready().callForText('read', [room, query])
    return joinPage(result as PageHead, text)
  }

  enter(room: string, member: Member): Promise<Presence> {
    return this.#call('enter', [room, member])
  }

  leave(room: string, user: string): Promise<Presence> {
    return this.#call('leave', [room, user])
  }

  members(room: string, query: MembersQuery): Promise<MembersPage> {
    return this.#call('members', [room, query])
  }

  signal(room: string, signal: RoomSignal): Promise<void> {
    return this.#call('signal', [room, signal])
  }

  sendToUser(user: string, message: DirectMessage): Promise<number> {
    return this.#call('sendToUser', [user, message])
  }

  rooms(query: RoomsQuery): Promise<RoomsPage> {
    return this.#call('rooms', [query])
  }

  async room(name: string): Promise<RoomInfo | undefined> {
    return (await this.#call<RoomInfo | null>('room', [name])) ?? undefined
  }

  erase(room: string): Promise<Position> {
    return this.#call('erase', [room])
  }

  command(command: Command): Promise<void> {
    return this.#call('command', [command])
  }

  async ask(node: string, question: string): Promise<string | undefined> {
    if (node === this.node) {
      this.#ready()
      return this.#handler.answer(question)
    }
    const { result, text } = await this.#ready().callForText('ask', [node], question)
    return result === true ? text : undefined
  }

  remember(key: string, value: string, lifetime: number): Promise<void> {
    return this.#call('remember', [key, value, lifetime])
  }

  async take(key: string): Promise<string | undefined> {
    return (await this.#call<string | null>('take', [key])) ?? undefined
  }

  remembered(prefix: string): Promise<Remembered[]> {
    return this.#call('remembered', [prefix])
  }

  count(key: string, window: number): Promise<Counted> {
    return this.#call('count', [key, window])
  }

  health(): BrokerHealth {
    return this.#owner.health
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#owner.stop()
    const { clock, stream } = this.#options
    const patience = new Promise<void>((resolve) => void clock.after(CLOSE_TIME, resolve))
    await Promise.race([this.#calls?.idle(), patience])
    await Promise.race([this.#calls?.close(), patience])
    stream.destroy()
  }

  #call<T>(name: CallName, args: readonly unknown[], text?: string): Promise<T> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return (this.#calls as Calls).call<T>(name, args, text)
  }

  /** Throws when nothing can be asked of the owner. */
  #ready(): Calls {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    return this.#calls as Calls
  }

  #refusal(): StoreUnavailable | undefined {
    if (this.#closing !== undefined) return new StoreUnavailable('the broker is closed')
    if (this.#calls === undefined) return new StoreUnavailable('the broker is not started')
    const absence = this.#owner.absence
    return absence === undefined ? undefined : new StoreUnavailable(absence)
  }

  #take(item: Item, text: string): void {
    this.#owner.heard()
    switch (item[0]) {
      case 'ok':
        this.#calls?.succeeded(item[1], item[2], text)
        return
      case 'failed':
        this.#calls?.failed(item[1], item[2])
        return
      case 'direct': {
        const count = this.#handler.tell((handler) => handler.direct(item[2], item[3])) ?? 0
        this.#calls?.handed(item[1], count)
        return
      }
      case 'question':
        this.#handler.answer(text).then(
          (answer) => this.#calls?.answer(item[1], answer),
          () => this.#calls?.answer(item[1]),
        )
        return
      case 'beat':
        this.#owner.told(item[1])
        this.#greeted()
        return
      default:
        deliver(item, text, this.#handler)
    }
  }

  #ownerGone(): void {
    this.#owner.gone()
    this.#calls?.abandon()
    if (this.#closing === undefined) this.#options.ownerGone()
  }
}
