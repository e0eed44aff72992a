import { WebSocket } from 'ws'
import {
  type Client,
  createClient,
  type ParleyError,
  type Room,
  type SocketConstructor,
} from '../../client/index.js'
import type { ClientEvent, HistoryEvent } from '../chaos/history.js'
import { signToken } from '../helpers/jwt.js'

type Bare<E> = E extends unknown ? Omit<E, 'at' | 'client'> : never

/** A client of the library, in one room, that writes down all that it does and is told. */
export class RecordedClient {
  readonly name: string
  readonly user: string
  readonly room: Room
  /** Messages that are neither acknowledged nor given up. */
  pending = 0
  readonly #client: Client
  readonly #history: HistoryEvent[]
  #started = false
  #watching = false
  #sent = 0

  /** @param socket what it connects with; WebSocket over HTTP/1.1 by default */
  constructor(
    name: string,
    user: string,
    url: string,
    room: string,
    history: HistoryEvent[],
    socket: unknown = WebSocket,
  ) {
    this.name = name
    this.user = user
    this.#history = history
    this.#client = createClient({
      url: `${url}/chat`,
      getToken: () => signToken({ sub: user }, 3600),
      WebSocket: socket as SocketConstructor,
      backoff: { base: 200, cap: 1000 },
      connectTimeout: 3000,
    })
    this.room = this.#client.room(room)
    this.#record({ type: 'client', user, ordered: true, presence: true })
    this.#client.on('state', (state, { code }) => this.#note(`${state} ${code ?? ''}`))
    this.#client.on('error', ({ code, message }) => this.#note(`${code}: ${message}`))
    this.#listen()
  }

  async join(): Promise<void> {
    const { epoch, offset } = await this.room.join({ history: 0 })
    this.#start(epoch, offset)
  }

  send(): void {
    const id = `${this.name}-${++this.#sent}`
    const what = { room: this.room.name, id }
    this.#record({ type: 'send', ...what, body: String(this.#sent) })
    this.pending++
    this.room
      .send(this.#sent, { id })
      .then(
        ({ epoch, offset }) => this.#record({ type: 'ok', ...what, epoch, offset }),
        ({ code }: ParleyError) => this.#record({ type: 'failed', ...what, code }),
      )
      .finally(() => this.pending--)
  }

  get users(): string {
    return this.room.memberList
      .map(({ user }) => user)
      .sort()
      .join()
  }

  watchPresence(): void {
    this.#watching = true
    this.#presence()
  }

  close(): void {
    this.#record({ type: 'stop' })
    this.#client.close()
  }

  #listen(): void {
    const room = this.room.name
    this.room.on('message', ({ epoch, offset, id, user, msg }) => {
      this.#start(epoch, offset - 1)
      const body = JSON.stringify(msg)
      this.#record({ type: 'message', room, epoch, offset, id, user, body })
    })
    this.room.on('reset', ({ epoch, offset }) => {
      this.#record({ type: 'reset', room, epoch, offset })
    })
    this.room.on('members', () => this.#presence())
  }

  #start(epoch: string, offset: number): void {
    if (this.#started) return
    this.#started = true
    this.#record({ type: 'start', room: this.room.name, epoch, offset })
  }

  #presence(): void {
    if (!this.#watching) return
    const users = this.room.memberList.map(({ user }) => user).sort()
    this.#record({ type: 'presence', room: this.room.name, users })
  }

  #note(text: string): void {
    this.#record({ type: 'note', text })
  }

  #record(event: Bare<ClientEvent>): void {
    this.#history.push({ at: performance.now(), client: this.name, ...event } as ClientEvent)
  }
}
