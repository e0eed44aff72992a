import type { Position } from '../src/protocol/actions.js'
import type { Member, Message } from '../src/protocol/events.js'
import type { ClientSession } from './client.js'
import type { ContentEvent } from './connection.js'
import { type Deferred, defer, quiet } from './deferred.js'
import { Emitter } from './emitter.js'
import { ParleyError } from './errors.js'
import { catchUp, placeOf } from './log.js'
import { Outbox } from './outbox.js'
import { isPassing, pauseOf } from './passing.js'
import { Presence } from './presence.js'
import type {
  HistoryPage,
  HistoryQuery,
  JoinInfo,
  JoinOptions,
  MembersPage,
  OutboxItem,
  PendingSend,
  Room,
  RoomEvents,
  RoomMessage,
  RoomState,
} from './room-api.js'
import { streamOf } from './stream.js'
import type { ResultOf } from './wire.js'

/** Least time between two joins of a room on one connection, milliseconds. */
const REJOIN_PAUSE = 1000

/**
 * One room over many connections. The rule that everything here serves: what is emitted is the
 * log, each message once, in order, and a part that cannot be had is announced by `reset`.
 */
export class RoomSession<Msg, Sig> extends Emitter<RoomEvents<Msg, Sig>> implements Room<Msg, Sig> {
  readonly name: string
  readonly client: ClientSession<Msg, Sig>
  state: RoomState = 'left'
  position: Position | undefined
  /** Why messages are not taken: the room is not joined, and will not be by itself. */
  refusal: ParleyError | undefined = new ParleyError('NOT_A_MEMBER', 'Join the room first')
  /** What is not confirmed yet. */
  readonly sends = new Outbox<Msg>(this)
  readonly #presence = new Presence()
  #options: JoinOptions = {}
  #callers: Deferred<JoinInfo>[] = []
  /** The join whose answer counts; while there is one, live messages are left to its answer. */
  #join: object | undefined
  #joinedAt = Number.NEGATIVE_INFINITY
  #cancel: () => void = () => {}

  constructor(name: string, client: ClientSession<Msg, Sig>) {
    super()
    this.name = name
    this.client = client
  }

  get memberList(): readonly Member[] {
    return this.#presence.list
  }

  get count(): number {
    return this.#presence.count
  }

  get outbox(): readonly OutboxItem<Msg>[] {
    return this.sends.items
  }

  join({ since, ...options }: JoinOptions = {}): Promise<JoinInfo> {
    const { client } = this
    if (client.ended) return quiet(Promise.reject(client.ended))
    this.#options = { ...this.#options, ...options }
    if (since) this.position = since
    const caller = defer<JoinInfo>()
    this.#callers.push(caller)
    this.refusal = undefined
    if (this.state !== 'joined') this.#setState('joining')
    client.reconnectNow()
    if (client.connected) this.#sendJoin()
    return caller.promise
  }

  async leave(): Promise<void> {
    if (this.state === 'left') return
    this.#join = this.position = undefined
    this.#presence.reset([], 0)
    this.#giveUp('left', new ParleyError('LEFT', 'The room was left'))
    this.emit('members')
    await new Promise<void>((resolve) => this.#sendLeave(resolve))
  }

  send(msg: Msg, { id }: { id?: string } = {}): PendingSend {
    return this.sends.add(msg, id)
  }

  retry(id: string): PendingSend {
    return this.sends.retry(id)
  }

  discard(id: string): void {
    this.sends.discard(id)
  }

  signal(msg: Sig): boolean {
    return this.client.sendNow({ action: 'signal', room: this.name, msg })
  }

  history(query: HistoryQuery = {}): Promise<HistoryPage<Msg>> {
    const page = this.client.ask('history', { room: this.name, ...query })
    return quiet(
      page.then(({ messages, ...rest }) => ({
        ...rest,
        messages: messages.map((message) => asRoomMessage<Msg>(message, rest.epoch)),
      })),
    )
  }

  members(query: { after?: string; limit?: number } = {}): Promise<MembersPage> {
    return this.client.ask('members', { room: this.name, ...query })
  }

  [Symbol.asyncIterator](): AsyncIterator<RoomMessage<Msg>> {
    return streamOf(this)
  }

  /** The connection is there. */
  up(): void {
    if (this.state !== 'joining') return
    this.refusal = undefined
    this.#sendJoin()
  }

  /** The connection is gone; the client may get another. */
  down(): void {
    this.#cancel()
    this.#join = undefined
    this.sends.hold()
    if (this.state === 'joined') this.#setState('joining')
  }

  /** The client gets no other connection by itself. */
  over(error: ParleyError): void {
    this.#giveUp(error.code === 'CLOSED' ? 'left' : this.state, error)
  }

  received(event: Extract<ContentEvent, { room: string }>): void {
    if (this.state !== 'joined') return
    if (event.event === 'message') this.#receive(event)
    else if (event.event === 'signal') this.emit('signal', { ...event, msg: event.msg as Sig })
    else if (event.event !== 'reset') {
      this.#presence[event.event](event)
      this.emit(event.event, event)
      this.emit('members')
    } else if (event.epoch !== this.position?.epoch) this.#catchUp()
  }

  /** The server does not count this connection as a member. */
  rejoin(): void {
    if (this.state !== 'joined') return
    this.#setState('joining')
    this.#catchUp()
  }

  #receive(message: Message): void {
    if (this.#join || !this.position) return
    const place = placeOf(message, this.position)
    if (place === 'hole') this.#catchUp()
    else if (place === 'next') this.#deliver(message, this.position.epoch)
  }

  /** The position moves first: a handler that throws or leaves finds it where it belongs. */
  #deliver(message: Message, epoch: string): void {
    this.position = { epoch, offset: message.offset }
    this.emit('message', asRoomMessage(message, epoch))
  }

  /** Something is missing: the answer to a join with `since` has it. */
  #catchUp(): void {
    if (this.#join) return
    const wait = this.#joinedAt + REJOIN_PAUSE - this.client.settings.clock.monotonic()
    if (wait > 0) this.#joinIn(wait)
    else this.#sendJoin()
  }

  #joinIn(ms: number): void {
    this.#join = {}
    this.#after(ms, () => this.#sendJoin())
  }

  #after(ms: number, task: () => void): void {
    this.#cancel()
    this.#cancel = this.client.settings.clock.after(ms, task)
  }

  #sendJoin(): void {
    const { client, name, position } = this
    const join = {}
    this.#cancel()
    this.#join = join
    this.#joinedAt = client.settings.clock.monotonic()
    const since = position && { since: position }
    client.request('join', { room: name, ...this.#options, ...since }, (error, result) => {
      if (join !== this.#join) return
      if (result) this.#joined(result, join)
      else if (error) this.#refused(error)
    })
  }

  #refused(error: ParleyError): void {
    if (error.code === 'DISCONNECTED') return
    if (isPassing(error) || error.code === 'INTERNAL') {
      this.#joinIn(pauseOf(error))
    } else {
      this.#join = undefined
      this.#giveUp('failed', error)
    }
  }

  /** Emits what was missed, and goes on live. Any handler may leave or join again meanwhile. */
  #joined(result: ResultOf<'join'>, join: object): void {
    const { epoch, offset, members, count } = result
    const missed = catchUp(this.position, result)
    if (missed === undefined) {
      this.client.drop('The answer to a join has a hole')
      return
    }
    if (missed.reset) {
      this.position = { epoch, offset: missed.reset.offset }
      this.emit('reset', missed.reset)
    }
    for (const message of missed.messages) {
      if (join !== this.#join) return
      this.#deliver(message, epoch)
    }
    if (join !== this.#join) return
    this.#join = undefined
    this.position = { epoch, offset }
    this.#presence.reset(members, count)
    this.#setState('joined')
    this.emit('members')
    if (this.refusal) return
    for (const caller of this.#callers.splice(0)) caller.resolve(result)
    this.sends.flush()
  }

  #sendLeave(done: () => void): void {
    this.client.request('leave', { room: this.name }, (error) => {
      done()
      if (error && isPassing(error) && this.state === 'left') {
        this.#after(pauseOf(error), () => this.#sendLeave(done))
      }
    })
  }

  /** Nothing comes or goes any more before the next `join()`, or the client's next connection. */
  #giveUp(state: RoomState, error: ParleyError): void {
    this.#cancel()
    this.refusal = error
    for (const caller of this.#callers.splice(0)) caller.reject(error)
    this.sends.end(error)
    this.#setState(state, error)
  }

  #setState(state: RoomState, error?: ParleyError): void {
    this.state = state
    this.emit('state', state, { error })
  }
}

const asRoomMessage = <Msg>(message: Message, epoch: string): RoomMessage<Msg> => ({
  ...message,
  msg: message.msg as Msg,
  epoch,
})
