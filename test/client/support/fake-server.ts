import type { SocketConstructor } from '../../../client/index.js'
import { FakeSocket, type Received } from './fake-socket.js'
import type { VirtualClock } from './virtual-clock.js'

/** A stored message. */
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

/** An `error` event in answer to the next action of this name. */
export interface Refusal {
  readonly action: string
  readonly code: string
  readonly retry_after?: number
}

/**
 * A server in the same process that speaks the protocol on a virtual clock, over sockets without
 * a network, and misbehaves on request.
 */
export class FakeServer {
  readonly clock: VirtualClock
  readonly sockets: FakeSocket[] = []
  /** Every message that was ever stored, across epochs. */
  readonly stored: { readonly epoch: string; readonly message: Stored }[] = []
  /** Handshakes are taken, refused as with 401, or never answered. */
  door: 'open' | 'refused' | 'silent' = 'open'
  /** One way, milliseconds. */
  latency = 5
  /** Most messages in a join's reply; the rest follows as live messages. */
  pageSize = 1000
  /** Messages that a join's reply repeats although the client has them. */
  overlap = 0
  heartbeat = 25_000
  maxBytes = 65_536
  /** When a token expires, milliseconds since 1970. */
  expiryOf: (token: string) => number = () => this.clock.now() + 3_600_000
  refusals: Refusal[] = []
  /** What happens to a frame on its way to the client: the frames that arrive. */
  tamper: (frame: string) => string[] = (frame) => [frame]
  readonly #rooms = new Map<string, RoomLog>()
  #epochs = 0
  #connections = 0

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  /** The constructor to hand to a client. */
  get WebSocket(): SocketConstructor {
    const server = this
    return class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(server, url, protocols)
      }
    }
  }

  /** Connections that are open. */
  get live(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.readyState === 1)
  }

  /** The newest connection. */
  get last(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket
  }

  room(name: string): RoomLog {
    const known = this.#rooms.get(name)
    if (known) return known
    const room = { epoch: this.#newEpoch(), log: [], first: 1, ids: new Map() }
    this.#rooms.set(name, room)
    return room
  }

  accept(socket: FakeSocket): void {
    if (this.door === 'silent') return
    const expires = this.expiryOf(socket.token)
    if (this.door === 'refused' || expires <= this.clock.now()) {
      socket.end()
      return
    }
    this.#connections += 1
    socket.open(`c${this.#connections}`)
    socket.push({
      event: 'welcome',
      connection: socket.connection,
      user: socket.user,
      nick: socket.user,
      version: 1,
      heartbeat: this.heartbeat,
      expires,
      limits: { message_bytes: this.maxBytes, rooms: 100, messages_per_second: 50, burst: 100 },
    })
    this.#watchExpiry(socket)
  }

  /** Stores a message, of another user unless told otherwise, and sends it to the members. */
  publish(name: string, msg: unknown, id = `x${this.stored.length}`, user = 'other'): Stored {
    const room = this.room(name)
    const known = room.ids.get(`${user}/${id}`)
    if (known) return known
    const offset = room.log.length + 1
    const time = this.clock.now()
    const message = {
      event: 'message',
      room: name,
      offset,
      id,
      user,
      nick: user,
      msg,
      time,
    } as const
    room.log.push(message)
    room.ids.set(`${user}/${id}`, message)
    this.stored.push({ epoch: room.epoch, message })
    for (const socket of this.live) this.#sendLive(socket, message)
    return message
  }

  /** Begins a room's log anew, with the oldest messages of the old one, as many as are kept. */
  erase(name: string, kept = 0): void {
    const room = this.room(name)
    room.epoch = this.#newEpoch()
    room.log = room.log.slice(0, kept)
    room.first = Math.min(room.first, room.log.length + 1)
    room.ids = new Map(room.log.map((message) => [`${message.user}/${message.id}`, message]))
    for (const message of room.log) this.stored.push({ epoch: room.epoch, message })
    for (const socket of this.live) {
      if (!socket.rooms.has(name)) continue
      const { epoch, log } = room
      socket.push({ event: 'reset', room: name, epoch, offset: log.length })
    }
  }

  /** Keeps only the newest messages of a room. */
  trim(name: string, keep: number): void {
    const room = this.room(name)
    room.first = Math.max(room.first, room.log.length - keep + 1)
  }

  /** Cuts every connection, without a close frame. */
  kill(): void {
    for (const socket of this.live) socket.end()
  }

  handle(socket: FakeSocket, action: Received): void {
    const refused = this.refusals.findIndex((refusal) => refusal.action === action.action)
    if (refused >= 0) {
      const [refusal] = this.refusals.splice(refused, 1)
      socket.push({ event: 'error', message: 'refused', ...refusal, id: action.id })
      return
    }
    const result = this.#perform(socket, action)
    if (result && action.id !== undefined) socket.push({ event: 'ok', id: action.id, ...result })
    if (action.action !== 'join' || !result) return
    const room = this.room(action.room as string)
    for (const message of room.log.slice(result.offset as number)) this.#sendLive(socket, message)
  }

  #perform(socket: FakeSocket, action: Received): Record<string, unknown> | undefined {
    const room = action.room as string
    const { user } = socket
    switch (action.action) {
      case 'join':
        return this.#join(socket, action)
      case 'leave':
        socket.rooms.delete(room)
        return { room }
      case 'send_to_room':
        return this.#send(socket, action)
      case 'send_to_user':
        return { connections: 1 }
      case 'history':
        return this.#history(action)
      case 'members':
        return { room, members: [{ user, nick: user }], count: 1, more: false }
      case 'auth':
        socket.token = action.token as string
        return { expires: this.expiryOf(socket.token) }
      case 'signal':
        for (const other of this.live) {
          if (!other.rooms.has(room)) continue
          other.push({ event: 'signal', room, user, nick: user, msg: action.msg })
        }
        return undefined
      default:
        socket.push({ event: 'pong' })
        return undefined
    }
  }

  #send(socket: FakeSocket, { id, room, msg }: Received): Record<string, unknown> | undefined {
    if (!socket.rooms.has(room as string)) {
      socket.push({ event: 'error', id, code: 'NOT_A_MEMBER', message: 'join first' })
      return undefined
    }
    const { ids, epoch } = this.room(room as string)
    const duplicate = ids.has(`${socket.user}/${id}`)
    const { offset, time } = this.publish(room as string, msg, id as string, socket.user)
    return { room, offset, epoch, time, ...(duplicate && { duplicate }) }
  }

  #join(socket: FakeSocket, { room: name, since, history }: Received): Record<string, unknown> {
    const { epoch, log, first } = this.room(name as string)
    const from = since as { epoch: string; offset: number } | undefined
    const recovered = from?.epoch === epoch && from.offset >= first - 1 && from.offset <= log.length
    const wanted = (history as number | undefined) ?? (from ? 100 : 0)
    const start = recovered ? from.offset : Math.max(first - 1, log.length - wanted)
    const again = recovered ? Math.min(this.overlap, start - first + 1) : 0
    const messages = log.slice(start - again, start + this.pageSize)
    socket.rooms.set(name as string, epoch)
    return {
      room: name,
      epoch,
      offset: start - again + messages.length,
      recovered,
      first: log.length === 0 ? 0 : first,
      messages,
      members: [{ user: socket.user, nick: socket.user }],
      count: 1,
    }
  }

  #history({ room, before, after, limit }: Received): Record<string, unknown> {
    const { epoch, log, first } = this.room(room as string)
    const end = (before as number | undefined) ?? Number.POSITIVE_INFINITY
    const all = log.filter(({ offset }) => offset >= first && offset > Number(after ?? 0))
    const wanted = after === undefined ? all.filter(({ offset }) => offset < end) : all
    const most = (limit as number | undefined) ?? 100
    const messages = after === undefined ? wanted.slice(-most) : wanted.slice(0, most)
    const more = messages.length < wanted.length
    return { room, epoch, offset: log.length, first, messages, more }
  }

  /** The first message of an epoch that a member has not been told of carries it. */
  #sendLive(socket: FakeSocket, message: Stored): void {
    const told = socket.rooms.get(message.room)
    if (told === undefined) return
    const { epoch } = this.room(message.room)
    socket.rooms.set(message.room, epoch)
    socket.push(told === epoch ? message : { ...message, epoch })
  }

  #watchExpiry(socket: FakeSocket): void {
    const left = this.expiryOf(socket.token) - this.clock.now()
    if (left <= 0) socket.end(4001, 'Token expired')
    else this.clock.after(Math.min(left, 2 ** 30), () => this.#watchExpiry(socket))
  }

  #newEpoch(): string {
    this.#epochs += 1
    return `e${this.#epochs}`
  }
}
