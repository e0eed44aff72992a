import { type Client, createClient, type ParleyError, type Room } from '../../client/index.js'
import type { ClientEvent } from '../chaos/history.js'
import { SimSocket } from './connection.js'
import type { SimServer } from './server.js'
import type { Timeline } from './timeline.js'

type Unstamped = ClientEvent extends infer E
  ? E extends ClientEvent
    ? Omit<E, 'at' | 'client'>
    : never
  : never

interface Membership {
  readonly room: Room
  started: boolean
  readonly release: (() => void)[]
}

/** How long the tokens of some clients are good for. */
export const SHORT_TOKEN_SECONDS = 10

export interface SimClientOptions {
  readonly name: string
  readonly user: string
  readonly timeline: Timeline
  readonly server: SimServer
  readonly record: (event: ClientEvent) => void
  readonly shortTokens: boolean
  readonly skew: number
}

/** The client library on the simulated network, recording all that it does and is told. */
export class SimClient {
  readonly name: string
  readonly user: string
  /** Messages that are neither acknowledged nor given up. */
  pending = 0
  readonly #options: SimClientOptions
  readonly #client: Client
  readonly #memberships = new Map<string, Membership>()
  #socket: SimSocket | undefined
  #count = 0
  #tokenSeconds: number
  #watching = false

  constructor(options: SimClientOptions) {
    const { name, user, timeline, server, skew } = options
    this.name = name
    this.user = user
    this.#options = options
    this.#tokenSeconds = options.shortTokens ? SHORT_TOKEN_SECONDS : 3600
    this.#record({ type: 'client', user, ordered: true, presence: true })
    const knocked = (socket: SimSocket) => {
      this.#socket = socket
    }
    const clock = timeline.clientClock(skew)
    this.#client = createClient({
      url: 'ws://simulated/chat',
      getToken: () => `${user} ${clock.now() - skew + this.#tokenSeconds * 1000}`,
      WebSocket: class extends SimSocket {
        constructor(_url: string, protocols: string[]) {
          super(timeline)
          knocked(this)
          const token = protocols[1]?.replace('bearer.', '') ?? ''
          this.connection.up.send(0, () => void server.knock(this, token))
        }
      },
      backoff: { base: 100, cap: 2000 },
      connectTimeout: 3000,
      // It needs a real network.
      fallback: false,
      clock,
    })
    this.#client.on('state', (state, { code }) => this.#note(`${state} ${code ?? ''}`))
    this.#client.on('error', ({ code, message }) => this.#note(`error ${code}: ${message}`))
  }

  get rooms(): string[] {
    return [...this.#memberships.keys()]
  }

  /** The present WebSocket, for faults. */
  get socket(): SimSocket | undefined {
    return this.#socket
  }

  join(name: string, history: number): void {
    if (this.#memberships.has(name)) return
    const room = this.#client.room(name)
    const membership: Membership = { room, started: false, release: [] }
    this.#memberships.set(name, membership)
    const start = (epoch: string, offset: number) => {
      if (membership.started) return
      membership.started = true
      this.#record({ type: 'start', room: name, epoch, offset })
    }
    membership.release.push(
      room.on('message', ({ epoch, offset, id, user, msg }) => {
        start(epoch, offset - 1)
        const body = JSON.stringify(msg)
        this.#record({ type: 'message', room: name, epoch, offset, id, user, body })
      }),
      room.on('reset', ({ epoch, offset }) => {
        if (membership.started) this.#record({ type: 'reset', room: name, epoch, offset })
      }),
      room.on('state', (state) => {
        this.#note(`room ${name} ${state}`)
        if (state === 'joined' && room.position) start(room.position.epoch, room.position.offset)
      }),
      room.on('members', () => this.#presence(name)),
    )
    room.join({ history }).catch((error: ParleyError) => this.#note(`join: ${error.code}`))
  }

  leave(name: string): void {
    const membership = this.#memberships.get(name)
    if (!membership) return
    this.#memberships.delete(name)
    this.#record({ type: 'leave', room: name })
    for (const release of membership.release) release()
    void membership.room.leave()
  }

  send(name: string, body: string): void {
    const membership = this.#memberships.get(name)
    if (!membership) return
    const id = `${this.name}-${this.#count++}`
    this.#record({ type: 'send', room: name, id, body })
    this.pending++
    membership.room.send(JSON.parse(body), { id }).then(
      ({ epoch, offset }) => {
        this.pending--
        this.#record({ type: 'ok', room: name, id, epoch, offset })
      },
      ({ code }: ParleyError) => {
        this.pending--
        this.#record({ type: 'failed', room: name, id, code })
      },
    )
  }

  /** Whether everything is sent and it has all of these logs that it is to have. */
  isSettled(ends: ReadonlyMap<string, { epoch: string; offset: number }>): boolean {
    if (this.pending > 0) return false
    return [...this.#memberships.values()].every(({ room }) => {
      const end = ends.get(room.name)
      const { position, state } = room
      return (
        state === 'joined' && position?.epoch === end?.epoch && position?.offset === end?.offset
      )
    })
  }

  /** From now on its tokens last, so that it does not come and go for their sake. */
  calm(): void {
    this.#tokenSeconds = 3600
  }

  /** From now on it records who it thinks is in its rooms. */
  watchPresence(): void {
    this.#watching = true
    for (const room of this.rooms) this.#presence(room)
  }

  close(): void {
    this.#record({ type: 'stop' })
    this.#client.close()
  }

  #presence(name: string): void {
    const room = this.#memberships.get(name)?.room
    if (!this.#watching || !room) return
    this.#record({ type: 'presence', room: name, users: room.memberList.map(({ user }) => user) })
  }

  #note(text: string): void {
    this.#record({ type: 'note', text: text.trim() })
  }

  #record(event: Unstamped): void {
    const at = this.#options.timeline.now
    this.#options.record({ ...event, at, client: this.name } as ClientEvent)
  }
}
