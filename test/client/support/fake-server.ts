import type { SocketLike } from '../../../client/index.js'
import type { VirtualClock } from './virtual-clock.js'

/** A stored message, with its epoch. */
export interface Stored {
  readonly event: 'message'
  readonly room: string
  readonly offset: number
  readonly id: string
  readonly user: string
  readonly nick: string
  readonly msg: unknown
  readonly time: number
}

interface RoomLog {
  epoch: string
  /** All messages of this epoch; those before `first` are no longer given out. */
  log: Stored[]
  first: number
  ids: Map<string, Stored>
}

type Json = Record<string, unknown>

/** What happens to frames on their way; returns the frames that arrive. */
export type Tamper = (frame: string) => string[]

export interface Refusal {
  readonly code: string
  readonly retry_after?: number
}

/**
 * A server in the same process that speaks the protocol over sockets without a network, on a
 * virtual clock, and misbehaves on request.
 */
export class FakeServer {
  readonly clock: VirtualClock
  readonly rooms = new Map<string, RoomLog>()
  readonly sockets: FakeSocket[] = []
  /** Every message that was ever stored, by room, across epochs. */
  readonly history = new Map<string, { epoch: string; message: Stored }[]>()
  /** Handshakes are: taken, refused as with 401, or never answered. */
  door: 'open' | 'refused' | 'silent' = 'open'
  latency = 5
  pageSize = 1000
  heartbeat = 25_000
  tokenLifetime = 3_600_000
  maxBytes = 65_536
  /** Refuses the next action of this name, in turn. */
  refusals: { action: string; refusal: Refusal }[] = []
  tamper: Tamper = (frame) => [frame]
  #epochs = 0
  #connections = 0

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  /** The constructor to hand to a client. */
  get WebSocket(): new (
    url: string,
    protocols: string[],
  ) => SocketLike {
    const server = this
    return class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(server, url, protocols)
      }
    }
  }

  /** Connections that were welcomed and not closed. */
  get live(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.readyState === 1)
  }

  get last(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket
  }

  room(name: string): RoomLog {
    let room = this.rooms.get(name)
    if (room === undefined) {
      room = { epoch: this.#newEpoch(), log: [], first: 1, ids: new Map() }
      this.rooms.set(name, room)
    }
    return room
  }

  accept(socket: FakeSocket): void {
    if (this.door === 'silent') return
    if (this.door === 'refused') {
      socket.fail(1006, '')
      return
    }
    this.#connections += 1
    socket.open(`c${this.#connections}`)
    socket.toClient({
      event: 'welcome',
      connection: socket.connection,
      user: socket.user,
      nick: socket.user,
      version: 1,
      heartbeat: this.heartbeat,
      expires: this.clock.now() + this.tokenLifetime,
      limits: { message_bytes: this.maxBytes, rooms: 100, messages_per_second: 50, burst: 100 },
    })
  }

  /** Stores a message of another user and tells the members. */
  publish(
    name: string,
    msg: unknown,
    { id = `x${this.clock.now()}-${Math.random()}`, user = 'other' } = {},
  ): Stored {
    const room = this.room(name)
    const known = room.ids.get(`${user}/${id}`)
    if (known) return known
    const message: Stored = {
      event: 'message',
      room: name,
      offset: room.log.length + 1,
      id,
      user,
      nick: user,
      msg,
      time: this.clock.now(),
    }
    room.log.push(message)
    room.ids.set(`${user}/${id}`, message)
    const history = this.history.get(name) ?? []
    this.history.set(name, history)
    history.push({ epoch: room.epoch, message })
    for (const socket of this.live) if (socket.joined.has(name)) socket.toClient(message)
    return message
  }

  /** Begins the room's log anew. */
  erase(name: string): void {
    const room = this.room(name)
    Object.assign(room, { epoch: this.#newEpoch(), log: [], first: 1, ids: new Map() })
    const reset = { event: 'reset', room: name, epoch: room.epoch, offset: 0 }
    for (const socket of this.live) if (socket.joined.has(name)) socket.toClient(reset)
  }

  /** Keeps only the newest messages. */
  trim(name: string, keep: number): void {
    const room = this.room(name)
    room.first = Math.max(room.first, room.log.length - keep + 1)
  }

  /** Cuts every connection, without a close frame. */
  kill(): void {
    for (const socket of this.live) socket.fail(1006, '')
  }

  handle(socket: FakeSocket, text: string): void {
    const action = JSON.parse(text) as Json & { action: string; id?: string }
    const refused = this.refusals.findIndex((one) => one.action === action.action)
    if (refused >= 0) {
      const [{ refusal } = {} as never] = this.refusals.splice(refused, 1)
      socket.toClient({ event: 'error', id: action.id, message: 'refused', ...refusal })
      return
    }
    const result = this.#perform(socket, action)
    if (action.id !== undefined && result)
      socket.toClient({ event: 'ok', id: action.id, ...result })
    if (action.action === 'join') this.#continue(socket, action.room as string, result as Json)
  }

  #perform(socket: FakeSocket, action: Json & { action: string }): Json | undefined {
    const room = action.room as string
    switch (action.action) {
      case 'join':
        return this.#join(socket, action)
      case 'leave':
        socket.joined.delete(room)
        return { room }
      case 'send_to_room': {
        if (!socket.joined.has(room)) {
          socket.toClient({ event: 'error', id: action.id, code: 'NOT_A_MEMBER', message: 'no' })
          return undefined
        }
        const { ids, epoch } = this.room(room)
        const duplicate = ids.has(`${socket.user}/${action.id}`)
        const { id, user } = { id: action.id as string, user: socket.user }
        const { offset, time } = this.publish(room, action.msg, { id, user })
        return { room, offset, epoch, time, ...(duplicate && { duplicate }) }
      }
      case 'send_to_user':
        return { connections: 1 }
      case 'history':
        return this.#history(action)
      case 'members':
        return { room, members: [{ user: socket.user, nick: socket.user }], count: 1, more: false }
      case 'auth':
        socket.token = action.token as string
        return { expires: this.clock.now() + this.tokenLifetime }
      case 'signal':
        for (const other of this.live) {
          if (!other.joined.has(room)) continue
          other.toClient({
            event: 'signal',
            room,
            user: socket.user,
            nick: socket.user,
            msg: action.msg,
          })
        }
        return undefined
      default:
        socket.toClient({ event: 'pong' })
        return undefined
    }
  }

  #join(socket: FakeSocket, action: Json): Json {
    const name = action.room as string
    const { epoch, log, first } = this.room(name)
    const since = action.since as { epoch: string; offset: number } | undefined
    const recovered =
      since?.epoch === epoch && since.offset >= first - 1 && since.offset <= log.length
    const from = recovered
      ? since.offset
      : Math.max(first - 1, log.length - ((action.history as number | undefined) ?? 100))
    const messages = log.slice(from, from + this.pageSize)
    socket.joined.add(name)
    return {
      room: name,
      epoch,
      offset: from + messages.length,
      recovered,
      first: log.length === 0 ? 0 : first,
      messages,
      members: [{ user: socket.user, nick: socket.user }],
      count: 1,
    }
  }

  /** After a join whose reply was only a page: the rest goes on as live messages. */
  #continue(socket: FakeSocket, name: string, result: Json): void {
    for (const message of this.room(name).log.slice(result.offset as number))
      socket.toClient(message)
  }

  #history(action: Json): Json {
    const name = action.room as string
    const { epoch, log, first } = this.room(name)
    const {
      before,
      after,
      limit = 100,
    } = action as { before?: number; after?: number; limit?: number }
    const kept = log.slice(first - 1)
    const wanted = kept.filter((m) =>
      after !== undefined ? m.offset > after : m.offset < (before ?? Number.POSITIVE_INFINITY),
    )
    const messages = after !== undefined ? wanted.slice(0, limit) : wanted.slice(-limit)
    const more = messages.length < wanted.length
    return { room: name, epoch, offset: log.length, first, messages, more }
  }

  #newEpoch(): string {
    this.#epochs += 1
    return `e${this.#epochs}`
  }
}

/** Both ends of one connection. */
export class FakeSocket implements SocketLike {
  readyState = 0
  bufferedAmount = 0
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly url: string
  readonly protocols: string[]
  readonly user = 'me'
  readonly joined = new Set<string>()
  /** What the client has sent, in the order of arrival. */
  readonly received: (Json & { action: string })[] = []
  token: string
  connection = ''
  /** The network takes everything and delivers nothing. */
  dead = false
  readonly #server: FakeServer

  constructor(server: FakeServer, url: string, protocols: string[]) {
    this.#server = server
    this.url = url
    this.protocols = protocols
    this.token = protocols[1]?.slice('bearer.'.length) ?? ''
    server.sockets.push(this)
    server.clock.after(server.latency, () => {
      if (this.readyState === 0) server.accept(this)
    })
  }

  open(connection: string): void {
    this.readyState = 1
    this.connection = connection
  }

  /** From the client. */
  send(text: string): void {
    this.#server.clock.after(this.#server.latency, () => {
      if (this.dead || this.readyState !== 1) return
      this.received.push(JSON.parse(text))
      this.#server.handle(this, text)
    })
  }

  /** From the client. */
  close(): void {
    this.readyState = 3
  }

  /** To the client, an event or any text. */
  toClient(event: object | string): void {
    const text = typeof event === 'string' ? event : JSON.stringify(event)
    for (const frame of this.#server.tamper(text)) {
      this.#server.clock.after(this.#server.latency, () => {
        if (!this.dead && this.readyState === 1) this.onmessage?.({ data: frame } as never)
      })
    }
  }

  /** The connection ends: with a close frame, or 1006 without one. */
  fail(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose?.({ code, reason } as never)
  }
}
