import { computed, effect, signal } from '@preact/signals'
import { type ClientState, createClient, localStorageOutbox } from 'parley/client'
import { endpoints } from '../shared/endpoints.js'
import { HttpError } from '../shared/http.js'
import { remembered } from '../shared/storage.js'
import { strings } from '../strings.js'
import { announce } from './announcer.js'
import { forget, identity, subjectOf, TokenRefused, tokenFor } from './identity.js'
import { describe, describeClose, type Problem } from './problems.js'
import { Room } from './room.js'
import { goTo, route } from './route.js'

/** What is known of the connection. */
export interface Connection {
  readonly state: ClientState
  /** When the next try comes, milliseconds since 1970. */
  readonly retryAt?: number
  /** Close code and reason of the last connection. */
  readonly code?: number
  readonly reason?: string
}

const ROOMS_KEY = 'parley:rooms'

/** Most rooms that are joined again on the next visit. */
const MOST_REMEMBERED = 20

/** Messages of a room that may wait for the connection. */
const OUTBOX_LIMIT = 500

/** One reader's connection and rooms, from entering to leaving. */
export class Chat {
  readonly connection = signal<Connection>({ state: 'idle' })
  readonly rooms = signal<readonly Room[]>([])
  readonly current = computed(() => this.rooms.value.find(({ name }) => name === route.value))
  readonly unread = computed(() =>
    this.rooms.value.reduce((sum, room) => sum + room.unread.value, 0),
  )
  /** The reader's nick: chosen here, or the token's. */
  readonly nick = computed(() => identity.value?.nick ?? this.#tokenNick.value)
  /** Largest action that the server takes, in bytes. */
  readonly messageBytes = signal(65_536)
  /** Why the connection was given up for good. */
  readonly problem = signal<Problem | undefined>(undefined)

  readonly #client
  readonly #tokenNick = signal('')
  readonly #dispose: (() => void)[]

  constructor(token: string) {
    this.#client = createClient({
      url: endpoints.chat(),
      getToken: (reason) => this.#token(reason),
      store: localStorageOutbox(`parley:outbox:${subjectOf(token)}`),
      outboxLimit: OUTBOX_LIMIT,
    })
    this.#dispose = [
      this.#client.on('state', (state, details) => this.#stateChanged({ state, ...details })),
      this.#client.on('welcome', ({ nick, limits }) => {
        this.#tokenNick.value = nick
        this.messageBytes.value = limits.message_bytes || Number.POSITIVE_INFINITY
      }),
      effect(() => {
        if (route.value !== undefined) this.open(route.value)
      }),
    ]
    for (const name of rememberedRooms()) this.open(name)
    this.#connect()
  }

  /** Joins a room, unless the reader is in it. */
  open(name: string): void {
    if (this.rooms.peek().some((room) => room.name === name)) return
    const room = new Room(this.#client, name)
    this.#setRooms([...this.rooms.peek(), room])
    void room.join(identity.peek()?.nick)
  }

  async leave(room: Room): Promise<void> {
    this.#setRooms(this.rooms.peek().filter((other) => other !== room))
    if (route.peek() === room.name) goTo(undefined)
    await room.leave()
  }

  /** Takes a new nick into every room. */
  async rename(): Promise<void> {
    await Promise.all(this.rooms.peek().map((room) => room.join(identity.peek()?.nick)))
  }

  /** Tries now, also after the client gave up. */
  reconnectNow(): void {
    this.problem.value = undefined
    if (this.#client.state === 'failed') this.#connect()
    else this.#client.reconnectNow()
  }

  /** Forgets who the reader is, and where they were. */
  signOut(): void {
    remembered.set(ROOMS_KEY, undefined)
    forget()
  }

  end(): void {
    for (const stop of this.#dispose) stop()
    for (const room of this.rooms.peek()) room.dispose()
    this.#client.close()
  }

  #connect(): void {
    // What becomes of it is a change of state.
    this.#client.connect().catch(() => undefined)
  }

  #setRooms(rooms: readonly Room[]): void {
    this.rooms.value = rooms
    remembered.set(ROOMS_KEY, rooms.map(({ name }) => name).slice(-MOST_REMEMBERED))
  }

  async #token(reason: 'first' | 'expiring' | 'refused'): Promise<string> {
    try {
      return await tokenFor(reason)
    } catch (error) {
      if (isFinal(error)) {
        this.problem.value = describe(error)
        this.#client.close()
      }
      throw error
    }
  }

  #stateChanged(connection: Connection): void {
    const before = this.connection.peek().state
    this.connection.value = connection
    if (connection.state === 'reconnecting' && before === 'connected') {
      announce(strings.announceLost)
    }
    if (connection.state === 'connected' && before === 'reconnecting')
      announce(strings.announceBack)
    if (connection.state === 'failed') {
      this.problem.value ??= describeClose(connection.code, connection.reason)
    }
  }
}

/** A server that is away or busy comes back; a token that it will not renew does not. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof TokenRefused ||
    (error instanceof HttpError && [401, 403, 404].includes(error.status))
  )
}

function rememberedRooms(): string[] {
  const names = remembered.get(ROOMS_KEY)
  if (!Array.isArray(names)) return []
  return names.filter((name) => typeof name === 'string').slice(0, MOST_REMEMBERED)
}
