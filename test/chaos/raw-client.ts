import WebSocket from 'ws'
import type { Position } from '../../src/protocol/actions.js'
import { shouldReconnect } from '../../src/protocol/close-codes.js'
import type { ErrorEvent, Message, ServerEvent } from '../../src/protocol/events.js'
import type { JoinResult, MembersResult, SendToRoomResult } from '../../src/protocol/results.js'
import type { ChaosClient, ClientOptions, ClientState } from './chaos-client.js'
import { RawMembers } from './raw-members.js'
import { RawOutbox } from './raw-outbox.js'
import { HEARTBEAT_SECONDS } from './server-process.js'
import { signToken } from './token.js'

type Ok = { event: 'ok'; id: string }

/** A membership over all its connections. */
interface Membership {
  position: Position | undefined
  /** The join of this connection was answered. */
  joined: boolean
  readonly members: RawMembers
  /** What a join of a live connection asked for although it came meanwhile: to come once more. */
  again?: { next: number; readonly upTo: number } | undefined
}

/**
 * A client that speaks the protocol itself and trusts the server's word: it records what it is
 * given as it is given, so that a hole or a repeat on the wire is not mended by the client.
 */
export class RawClient implements ChaosClient {
  readonly name: string
  readonly #options: ClientOptions
  readonly #memberships = new Map<string, Membership>()
  readonly #outbox: RawOutbox
  /** Joins under way on this connection, by id, with the membership that each is for. */
  readonly #joins = new Map<string, { room: string; membership: Membership }>()
  /** Questions for members on this connection, by id, with whom the answer is for. */
  readonly #asked = new Map<string, RawMembers>()
  #socket: WebSocket | undefined
  #welcomed = false
  #closed = false
  #watching = false
  #ids = 0

  constructor(options: ClientOptions) {
    this.name = options.name
    this.#options = options
    const { name, recorder, random, user } = options
    this.#outbox = new RawOutbox({
      name,
      recorder,
      window: options.kind === 'raw' ? 1 : 16,
      canSend: (room) => this.#memberships.get(room)?.joined === true,
      post: (action) => this.#post(action),
    })
    recorder.record({ type: 'client', client: name, user, ordered: true, presence: true })
    setTimeout(() => this.#connect(), random.between(0, 300))
  }

  get rooms(): ReadonlySet<string> {
    return new Set(this.#memberships.keys())
  }

  join(room: string): void {
    if (this.#memberships.has(room)) return
    const members = new RawMembers(() => this.#askMembers(room, members))
    this.#memberships.set(room, { position: undefined, joined: false, members })
    if (this.#welcomed) this.#sendJoin(room)
  }

  leave(room: string): void {
    if (!this.#memberships.delete(room)) return
    this.#options.recorder.record({ type: 'leave', client: this.name, room })
    this.#outbox.giveUp(room, 'LEFT')
    if (this.#welcomed) this.#post({ action: 'leave', id: this.#nextId(), room })
  }

  send(room: string, body: string): void {
    this.#outbox.add(room, body)
  }

  misbehave(): void {
    const { random } = this.#options
    const socket = this.#socket
    if (!socket || !this.#welcomed) return
    const way = random.weighted({ terminate: 3, close: 1, pause: 2, rejoin: 4 })
    this.#note(way)
    if (way === 'terminate') socket.terminate()
    else if (way === 'close') socket.close(4999)
    else if (way === 'rejoin') {
      for (const [room, { joined }] of this.#memberships) if (joined) this.#sendJoin(room)
    } else {
      socket.pause()
      setTimeout(() => socket.resume(), random.between(100, 2500))
    }
  }

  state(): ClientState {
    const rooms: Record<string, ClientState['rooms'][string]> = {}
    for (const [room, { joined, position, members }] of this.#memberships) {
      const { epoch, offset } = (joined && position) || { epoch: '', offset: -1 }
      rooms[room] = { epoch, offset, users: [...members.users].sort() }
    }
    return { name: this.name, user: this.#options.user, pending: this.#outbox.size, rooms }
  }

  watchPresence(): void {
    this.#watching = true
    for (const room of this.#memberships.keys()) this.#presence(room)
  }

  close(): void {
    this.#closed = true
    this.#options.recorder.record({ type: 'stop', client: this.name })
    this.#socket?.terminate()
  }

  #connect(): void {
    if (this.#closed) return
    const { url, user, tokenSeconds, random } = this.#options
    const token = signToken(user, tokenSeconds)
    const protocols = ['parley.v1', `bearer.${token}`]
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/chat`, protocols, {
      handshakeTimeout: 3000,
    })
    this.#socket = socket
    let heard = performance.now()
    const watch = setInterval(() => {
      if (performance.now() - heard > 3000 * HEARTBEAT_SECONDS) socket.terminate()
    }, 500)
    socket.on('ping', () => {
      heard = performance.now()
    })
    socket.on('message', (data) => {
      heard = performance.now()
      if (socket === this.#socket) this.#receive(JSON.parse(data.toString()))
    })
    socket.on('error', () => {})
    socket.on('close', (code) => {
      clearInterval(watch)
      this.#down(code)
      const wait = shouldReconnect(code) ? random.between(20, 600) : 1000
      if (!this.#closed) setTimeout(() => this.#connect(), wait)
    })
  }

  #down(code: number): void {
    if (this.#welcomed) this.#note(`disconnected with ${code}`)
    this.#welcomed = false
    this.#joins.clear()
    this.#asked.clear()
    for (const membership of this.#memberships.values()) membership.joined = false
    this.#outbox.rewind()
  }

  #receive(event: ServerEvent | Ok): void {
    switch (event.event) {
      case 'welcome':
        this.#welcomed = true
        this.#note(`connected as ${event.connection}`)
        for (const room of this.#memberships.keys()) this.#sendJoin(room)
        return
      case 'ok':
        this.#answered(event)
        return
      case 'error':
        this.#refused(event)
        return
      case 'message':
        this.#message(event)
        return
      case 'reset':
        this.#goTo('reset', event.room, { epoch: event.epoch, offset: event.offset })
        return
      case 'joined':
      case 'left': {
        this.#memberships.get(event.room)?.members.change(event)
        this.#presence(event.room)
        return
      }
    }
  }

  #answered(event: Ok): void {
    const join = this.#joins.get(event.id)
    if (join) {
      this.#joins.delete(event.id)
      if (this.#memberships.get(join.room) !== join.membership) return
      this.#joined(join.room, join.membership, event as Ok & JoinResult)
    } else if (this.#asked.has(event.id)) {
      this.#counted(event as Ok & MembersResult)
    } else {
      this.#outbox.acknowledged(event.id, event as Ok & SendToRoomResult)
    }
  }

  #joined(room: string, membership: Membership, result: JoinResult): void {
    const { epoch, offset, recovered, messages, members } = result
    const from = offset - messages.length
    const { position, joined } = membership
    // On a live connection what came between the request and the answer is in the answer too, also
    // where the request was of an epoch that had ended when it arrived.
    const live = joined && position?.epoch === epoch && position.offset >= from
    if (!position) this.#goTo('start', room, { epoch, offset: from })
    else if (!recovered && !live) this.#goTo('reset', room, { epoch, offset: from })
    for (const message of messages) {
      if (live && message.offset <= position.offset) continue
      this.#message({ ...message, epoch })
    }
    // Of a long answer the rest follows as messages.
    const end = membership.position?.offset ?? 0
    membership.again = joined && offset < end ? { next: offset + 1, upTo: end } : undefined
    membership.joined = true
    membership.members.set(members)
    this.#presence(room)
    this.#outbox.pump()
  }

  #refused({ id, code, retry_after: wait = 100 }: ErrorEvent): void {
    if (id === undefined) return
    const join = this.#joins.get(id)
    if (join) {
      // A join that failed left the room; it is tried again from where the client stands.
      this.#joins.delete(id)
      join.membership.joined = false
      setTimeout(() => {
        if (this.#welcomed && this.#memberships.has(join.room)) this.#sendJoin(join.room)
      }, wait)
    } else if (!this.#asked.delete(id)) {
      this.#outbox.refused(id, code, wait)
    }
  }

  #message({ room, epoch: given, offset, id, user, msg }: Message): void {
    const membership = this.#memberships.get(room)
    if (!membership?.position) return
    if (this.#isRepeat(membership, offset)) return
    const epoch = given ?? membership.position.epoch
    membership.position = { epoch, offset }
    const { recorder } = this.#options
    const body = JSON.stringify(msg)
    recorder.record({ type: 'message', client: this.name, room, epoch, offset, id, user, body })
  }

  /** Only one after the other is a repeat that was asked for. */
  #isRepeat(membership: Membership, offset: number): boolean {
    const { again } = membership
    if (again?.next !== offset) return false
    if (again.next++ === again.upTo) membership.again = undefined
    return true
  }

  #goTo(type: 'start' | 'reset', room: string, position: Position): void {
    const membership = this.#memberships.get(room)
    if (!membership || (type === 'reset' && !membership.position)) return
    membership.position = position
    membership.again = undefined
    this.#options.recorder.record({ type, client: this.name, room, ...position })
  }

  #presence(room: string): void {
    const membership = this.#memberships.get(room)
    if (!this.#watching || !membership) return
    const users = [...membership.members.users].sort()
    this.#options.recorder.record({ type: 'presence', client: this.name, room, users })
  }

  #askMembers(room: string, members: RawMembers): boolean {
    const id = this.#nextId()
    if (this.#welcomed) {
      this.#asked.set(id, members)
      this.#post({ action: 'members', id, room })
    }
    return this.#memberships.get(room)?.members === members
  }

  #counted({ id, room, members }: Ok & MembersResult): void {
    this.#asked.get(id)?.answered(members)
    this.#asked.delete(id)
    this.#presence(room)
  }

  #sendJoin(room: string): void {
    const membership = this.#memberships.get(room)
    if (!membership) return
    const id = this.#nextId()
    this.#joins.set(id, { room, membership })
    const { position } = membership
    this.#post({ action: 'join', id, room, history: 5, ...(position && { since: position }) })
  }

  #post(action: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(action))
  }

  #note(text: string): void {
    this.#options.recorder.record({ type: 'note', client: this.name, text })
  }

  #nextId(): string {
    return `a${this.#ids++}`
  }
}
