import WebSocket from 'ws'
import type { Client, Room } from '../../client/index.js'
import { createClient, type ParleyError, type SocketConstructor } from '../../client/index.js'
import { EventStreamSocket } from '../../client/sse.js'
import type { Position } from '../../src/protocol/actions.js'
import type { ChaosClient, ClientOptions, ClientState } from './chaos-client.js'
import { signToken } from './token.js'

interface Membership {
  room: Room
  /** Where the application knows itself to be, as the room says while it handles a message. */
  saved: Position | undefined
  release: (() => void)[]
}

/** A client made with the library, on Node, with a WebSocket or without. */
export class LibraryClient implements ChaosClient {
  readonly name: string
  readonly #options: ClientOptions
  #client: Client
  readonly #memberships = new Map<string, Membership>()
  #pending = 0
  #count = 0
  #watching = false

  constructor(options: ClientOptions) {
    const { name, user, recorder } = options
    this.name = name
    this.#options = options
    recorder.record({ type: 'client', client: name, user, ordered: true, presence: true })
    this.#client = this.#connect()
  }

  get rooms(): ReadonlySet<string> {
    return new Set(this.#memberships.keys())
  }

  join(name: string): void {
    if (this.#memberships.has(name)) return
    const membership = { room: this.#client.room(name), saved: undefined, release: [] }
    this.#memberships.set(name, membership)
    this.#enter(name, membership)
  }

  leave(name: string): void {
    const membership = this.#memberships.get(name)
    if (!membership) return
    this.#memberships.delete(name)
    this.#options.recorder.record({ type: 'leave', client: this.name, room: name })
    for (const release of membership.release) release()
    membership.room.leave().catch((error) => this.#note(`leave of ${name}: ${error}`))
  }

  send(room: string, body: string): void {
    const { recorder } = this.#options
    const id = `${this.name}-${this.#count++}`
    const what = { client: this.name, room, id }
    recorder.record({ type: 'send', ...what, body })
    this.#pending++
    this.#client
      .room(room)
      .send(JSON.parse(body), { id })
      .then(
        ({ epoch, offset }) => recorder.record({ type: 'ok', ...what, epoch, offset }),
        ({ code }: ParleyError) => recorder.record({ type: 'failed', ...what, code }),
      )
      .finally(() => this.#pending--)
  }

  /** Starts over, as an application that keeps its positions and nothing else. */
  misbehave(): void {
    this.#note('starts over')
    for (const { release } of this.#memberships.values()) for (const off of release) off()
    this.#client.close()
    this.#client = this.#connect()
    for (const [name, membership] of this.#memberships) {
      membership.room = this.#client.room(name)
      this.#enter(name, membership)
    }
  }

  state(): ClientState {
    const rooms: Record<string, ClientState['rooms'][string]> = {}
    for (const [name, { room }] of this.#memberships) {
      const { epoch, offset } = room.position ?? { epoch: '', offset: -1 }
      rooms[name] = { epoch, offset, users: usersOf(room) }
    }
    return { name: this.name, user: this.#options.user, pending: this.#pending, rooms }
  }

  watchPresence(): void {
    this.#watching = true
    for (const name of this.#memberships.keys()) this.#presence(name)
  }

  close(): void {
    this.#options.recorder.record({ type: 'stop', client: this.name })
    this.#client.close()
  }

  #connect(): Client {
    const { user, url, tokenSeconds, kind } = this.#options
    const socket: unknown = kind === 'stream' ? EventStreamSocket : WebSocket
    const client = createClient({
      url: `${url}/chat`,
      getToken: () => signToken(user, tokenSeconds),
      WebSocket: socket as SocketConstructor,
      backoff: { base: 200, cap: 1000 },
      connectTimeout: 3000,
    })
    client.on('state', (state, { code, reason }) =>
      this.#note(`${state} ${code ?? ''} ${reason ?? ''}`.trim()),
    )
    client.on('error', (error) => this.#note(`error ${error.code}: ${error.message}`))
    return client
  }

  #enter(name: string, membership: Membership): void {
    const { recorder } = this.#options
    const { room, saved } = membership
    const start = (epoch: string, offset: number) => {
      if (membership.saved) return
      membership.saved = { epoch, offset }
      recorder.record({ type: 'start', client: this.name, room: name, epoch, offset })
    }
    membership.release = [
      room.on('message', ({ epoch, offset, id, user, msg }) => {
        start(epoch, offset - 1)
        membership.saved = room.position
        const body = JSON.stringify(msg)
        const what = { client: this.name, room: name, epoch, offset, id, user, body }
        recorder.record({ type: 'message', ...what })
      }),
      room.on('reset', ({ epoch, offset }) => {
        membership.saved = room.position
        recorder.record({ type: 'reset', client: this.name, room: name, epoch, offset })
      }),
      room.on('members', () => this.#presence(name)),
      room.on('state', (state, { error }) => {
        if (error) this.#note(`room ${name} ${state}: ${error.code}`)
      }),
    ]
    room.join({ history: 5, ...(saved && { since: saved }) }).then(
      ({ epoch, offset }) => {
        if (this.#memberships.get(name)?.room === room) start(epoch, offset)
      },
      (error: ParleyError) => this.#note(`join of ${name}: ${error.code}`),
    )
  }

  #presence(name: string): void {
    const room = this.#memberships.get(name)?.room
    if (!this.#watching || !room) return
    const users = usersOf(room)
    this.#options.recorder.record({ type: 'presence', client: this.name, room: name, users })
  }

  #note(text: string): void {
    this.#options.recorder.record({ type: 'note', client: this.name, text })
  }
}

const usersOf = ({ memberList }: Room) => memberList.map(({ user }) => user).sort()
