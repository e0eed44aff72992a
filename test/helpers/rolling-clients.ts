import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type Client, createClient, type SocketConstructor } from '../../client/index.js'
import { signToken } from './jwt.js'

export interface GroupOptions {
  readonly url: string
  /** Number of the first client: it is the user's name and says which room it is in. */
  readonly first: number
  readonly clients: number
  readonly rooms: number
  /** Milliseconds between two messages of one client. */
  readonly pace: number
}

/** A message whose storing was confirmed to its sender. */
export interface Acknowledged {
  readonly room: string
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

export interface GroupReport {
  readonly acknowledged: readonly Acknowledged[]
  /** Sends that were refused for good, by error code. */
  readonly failed: readonly string[]
  /** When clients came back, milliseconds since 1970. */
  readonly returns: readonly number[]
  /** How long each was away, milliseconds. */
  readonly away: readonly number[]
  readonly received: number
  /** Messages that clients were not given, or twice, or after a later one. */
  readonly misplaced: number
}

/** Connections opened at the same time at first; a restart knows no such mercy. */
const AT_ONCE = 25

/** Many clients of the library that chat on whatever happens to their connections. */
export class ClientGroup {
  readonly #options: GroupOptions
  readonly #clients: GroupClient[]
  #stopped = false
  #sending: Promise<unknown> = Promise.resolve()

  constructor(options: GroupOptions) {
    this.#options = options
    this.#clients = Array.from({ length: options.clients }, (_, i) => {
      const n = options.first + i
      return new GroupClient(options.url, `roller-${n}`, `rolling-${n % options.rooms}`)
    })
  }

  /** Connects everyone and begins to send. */
  async start(): Promise<void> {
    for (let i = 0; i < this.#clients.length; i += AT_ONCE) {
      await Promise.all(this.#clients.slice(i, i + AT_ONCE).map((client) => client.join()))
    }
    const { pace } = this.#options
    const goOn = () => !this.#stopped
    this.#sending = Promise.all(this.#clients.map((client) => client.sendEvery(pace, goOn)))
  }

  /** Ends sending. Resolves when every message is confirmed or refused. */
  async settle(): Promise<void> {
    this.#stopped = true
    await this.#sending
  }

  /**
   * Waits until everyone has what the logs hold.
   * @param ends offset of each room's newest message
   */
  async report(ends: Readonly<Record<string, number>>): Promise<GroupReport> {
    const behind = ({ room }: GroupClient) => (room.position?.offset ?? 0) < (ends[room.name] ?? 0)
    while (this.#clients.some(behind)) await sleep(20)
    const all = this.#clients
    return {
      acknowledged: all.flatMap(({ acknowledged }) => acknowledged),
      failed: all.flatMap(({ failed }) => failed),
      returns: all.flatMap(({ returns }) => returns),
      away: all.flatMap(({ away }) => away),
      received: all.reduce((sum, { received }) => sum + received, 0),
      misplaced: all.reduce((sum, { misplaced }) => sum + misplaced, 0),
    }
  }

  close(): void {
    this.#stopped = true
    for (const client of this.#clients) client.close()
  }
}

class GroupClient {
  readonly acknowledged: Acknowledged[] = []
  readonly failed: string[] = []
  readonly returns: number[] = []
  readonly away: number[] = []
  received = 0
  misplaced = 0
  readonly room: ReturnType<Client['room']>
  readonly #client: Client
  /** Of the newest message that came; undefined before the first. */
  #offset: number | undefined
  #lostAt = 0

  constructor(url: string, user: string, room: string) {
    this.#client = createClient({
      url: `${url}/chat`,
      getToken: () => signToken({ sub: user }, 3600),
      WebSocket: WebSocket as unknown as SocketConstructor,
    })
    this.room = this.#client.room(room)
    this.#client.on('state', (state) => {
      const now = Date.now()
      if (state === 'reconnecting') this.#lostAt ||= now
      if (state !== 'connected' || this.#lostAt === 0) return
      this.returns.push(now)
      this.away.push(now - this.#lostAt)
      this.#lostAt = 0
    })
    this.room.on('message', ({ offset }) => {
      this.received++
      if (this.#offset !== undefined && offset !== this.#offset + 1) this.misplaced++
      this.#offset = offset
    })
    this.room.on('reset', () => this.misplaced++)
  }

  async join(): Promise<void> {
    const { offset } = await this.room.join()
    // Unless the first messages were emitted before this was told.
    this.#offset ??= offset
  }

  /** Sends as long as it may, the first message after a random part of the pace. */
  async sendEvery(pace: number, goOn: () => boolean): Promise<void> {
    const sent: Promise<void>[] = []
    await sleep(Math.random() * pace)
    while (goOn()) {
      sent.push(this.#send())
      await sleep(pace)
    }
    await Promise.all(sent)
  }

  async #send(): Promise<void> {
    const pending = this.room.send('a message of some forty characters or so')
    try {
      const { epoch, offset } = await pending
      this.acknowledged.push({ room: this.room.name, epoch, offset, id: pending.id })
    } catch (error) {
      this.failed.push((error as { code: string }).code)
    }
  }

  close(): void {
    this.#client.close()
  }
}
