import type { Position } from '../src/protocol/actions.js'
import type { Member, Message } from '../src/protocol/events.js'
import { MAX_PAGE_MESSAGES } from '../src/protocol/limits.js'
import type { ClientSession } from './client.js'
import type { ContentEvent } from './connection.js'
import { type Deferred, defer, quiet } from './deferred.js'
import { Emitter } from './emitter.js'
import { ParleyError } from './errors.js'
import { asRoomMessage, catchUp } from './log.js'
import { createOutbox, type Outbox } from './outbox.js'
import { pauseAfter, REJOIN_PAUSE } from './pauses.js'
import { membersAfter } from './presence.js'
import type * as api from './room-api.js'
import { streamOf } from './stream.js'
import type { ResultOf } from './wire.js'

/**
 * One room over many connections. The rule that everything here serves: what is emitted is the
 * log, each message once, in order, and a part that cannot be had is announced by `reset`.
 */
export class RoomSession<Msg, Sig>
  extends Emitter<api.RoomEvents<Msg, Sig>>
  implements api.Room<Msg, Sig>
{
  readonly name: string
  readonly client: ClientSession<Msg, Sig>
  state: api.RoomState = 'left'
  position: Position | undefined
  memberList: readonly Member[] = []
  count = 0
  /** Why messages are not taken: the room is not joined, and will not be by itself. */
  refusal: ParleyError | undefined = new ParleyError('NOT_A_MEMBER')
  /** What is not confirmed yet. */
  readonly sends: Outbox<Msg>
  readonly retry = (id: string) => this.sends.retry(id)
  readonly discard = (id: string) => this.sends.discard(id)
  #options: api.JoinOptions = {}
  #callers: Deferred<api.JoinInfo>[] = []
  /** The join whose answer counts; while there is one, live messages are left to its answer. */
  #join: object | undefined
  #joinedAt = Number.NEGATIVE_INFINITY
  #cancel: () => void = () => {}

  constructor(name: string, client: ClientSession<Msg, Sig>) {
    super()
    this.name = name
    this.client = client
    this.sends = createOutbox(this)
  }

  get outbox(): readonly api.OutboxItem<Msg>[] {
    return this.sends.items()
  }

  join({ since, ...options }: api.JoinOptions = {}): Promise<api.JoinInfo> {
    this.#options = { ...this.#options, ...options }
    if (since) this.position = since
    const caller = defer<api.JoinInfo>()
    this.#callers.push(caller)
    if (this.state !== 'joined') this.#setState('joining')
    this.refusal = undefined
    this.client.reconnectNow()
    this.connectionChanged()
    return caller.promise
  }

  async leave(): Promise<void> {
    if (this.state === 'left') return
    this.#goOut('LEFT')
    await new Promise<void>((done) => this.#sendLeave(done))
  }

  send(msg: Msg, { id }: { id?: string } = {}): api.PendingSend {
    return this.sends.add(msg, id)
  }

  signal(msg: Sig): boolean {
    return this.client.channel?.sendNow({ action: 'signal', room: this.name, msg }) ?? false
  }

  history(query: api.HistoryQuery = {}): Promise<api.HistoryPage<Msg>> {
    return quiet(
      this.client.ask('history', { room: this.name, ...query }).then(({ messages, ...rest }) => ({
        ...rest,
        messages: messages.map((message) => asRoomMessage<Msg>(message, rest.epoch)),
      })),
    )
  }

  members(query: { after?: string; limit?: number } = {}): Promise<api.MembersPage> {
    return this.client.ask('members', { room: this.name, ...query })
  }

  [Symbol.asyncIterator](): AsyncIterator<api.RoomMessage<Msg>> {
    return streamOf(this)
  }

  /** The connection came, went, or will not come again by itself. */
  connectionChanged(): void {
    const { channel, ended } = this.client
    const wanted = this.state === 'joining' || this.state === 'joined'
    if (channel && wanted) {
      this.refusal = undefined
      this.#sendJoin()
    } else if (!channel) {
      this.#cancel()
      this.#join = undefined
      this.sends.hold()
      if (ended) this.#giveUp(wanted && ended.code === 'FAILED' ? 'joining' : 'left', ended)
      else if (this.state === 'joined') this.#setState('joining')
    }
  }

  received(event: Extract<ContentEvent, { room: string }>): void {
    if (event.event === 'left' && event.removed) this.#goOut('REMOVED')
    if (this.state !== 'joined') return
    if (event.event === 'message') this.#receive(event)
    else if (event.event === 'signal') this.emit('signal', event as api.SignalEvent<Sig>)
    else if (event.event !== 'reset') {
      this.#setMembers(membersAfter(this.memberList, event), event.members)
      this.emit(event.event, event)
    } else if (event.epoch !== this.position?.epoch) this.#begunAnew(event)
  }

  /** The server does not count this connection as a member, or has not told of all others. */
  rejoin(): void {
    if (this.state !== 'joined') return
    this.#setState('joining')
    this.#catchUp()
  }

  /** An empty log goes on live at once; of one that kept something, that comes first. */
  #begunAnew({ epoch, offset }: Position): void {
    if (offset > 0) this.#catchUp()
    if (this.#join) return
    this.position = { epoch, offset }
    this.emit('reset', { epoch, offset, reason: 'erased' })
  }

  #receive(message: Message): void {
    if (this.#join || !this.position) return
    const { epoch, offset } = this.position
    const follows = (message.epoch ?? epoch) === epoch && message.offset <= offset + 1
    if (!follows) this.#catchUp()
    else if (message.offset > offset) this.#deliver(message, epoch)
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

  #sendJoin(): void {
    const { client, name, position } = this
    const join = {}
    this.#cancel()
    this.#join = join
    this.#joinedAt = client.settings.clock.monotonic()
    // When it cannot go on from there it shall bring as much as it can.
    const since = position && { since: position, history: MAX_PAGE_MESSAGES }
    client.request('join', { room: name, ...this.#options, ...since }, (error, result) => {
      if (join !== this.#join) return
      if (result) this.#joined(result, join)
      else if (error) this.#refused(error)
    })
  }

  #refused(error: ParleyError): void {
    const pause = error.code === 'INTERNAL' ? REJOIN_PAUSE : pauseAfter(error)
    this.#join = undefined
    if (pause) this.#joinIn(pause)
    else this.#giveUp('failed', error)
  }

  /** Emits what was missed, and goes on live. Any handler may leave or join again meanwhile. */
  #joined(result: ResultOf<'join'>, join: object): void {
    const { epoch, offset, members, count } = result
    const { messages, broken } = catchUp(this.position, result)
    this.position = { epoch, offset: offset - messages.length }
    if (broken) this.emit('reset', { ...this.position, reason: broken })
    for (const message of messages) {
      if (join !== this.#join) return
      this.#deliver(message, epoch)
    }
    if (join !== this.#join) return
    this.#join = undefined
    this.#setState('joined')
    if (this.refusal) return
    this.#setMembers(members, count)
    for (const caller of this.#callers.splice(0)) caller.resolve(result)
    this.sends.flush()
  }

  #sendLeave(done: () => void): void {
    this.client.request('leave', { room: this.name }, (error) => {
      done()
      const pause = error && pauseAfter(error)
      if (pause && this.state === 'left') this.#after(pause, () => this.#sendLeave(done))
    })
  }

  #goOut(code: 'LEFT' | 'REMOVED'): void {
    this.#join = this.position = undefined
    this.#setMembers([], 0)
    this.#giveUp('left', new ParleyError(code))
  }

  /** Nothing comes or goes any more before the next `join()`, or the client's next connection. */
  #giveUp(state: api.RoomState, error: ParleyError): void {
    this.#cancel()
    this.refusal = error
    for (const caller of this.#callers.splice(0)) caller.reject(error)
    this.sends.end(error)
    this.#setState(state, error)
  }

  #after(ms: number, task: () => void): void {
    this.#cancel()
    this.#cancel = this.client.settings.clock.after(ms, task)
  }

  #setMembers(list: readonly Member[], count: number): void {
    this.memberList = list
    this.count = count
    // A leave was not told, after the store lost who was there: to all members, so not all at once.
    const isTooLong = () => this.memberList.length > this.count
    if (isTooLong() && !this.#join)
      this.#after(5000 * this.client.settings.clock.random(), () => isTooLong() && this.rejoin())
    this.emit('members')
  }

  #setState(state: api.RoomState, error?: ParleyError): void {
    this.state = state
    this.emit('state', state, { error })
  }
}
