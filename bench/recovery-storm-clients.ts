import WebSocket from 'ws'
import type { Message } from '../src/protocol/events.js'
import type { JoinResult } from '../src/protocol/results.js'
import { signToken } from '../test/chaos/token.js'

/** One process of clients of the recovery storm. */
export interface StormOptions {
  readonly url: string
  readonly clients: number
  readonly rooms: readonly string[]
}

/** `ends`: offsets at which the rooms' logs ended, for the report. */
export interface StormOrder {
  readonly order: 'join' | 'cut' | 'report'
  readonly ends: Readonly<Record<string, number>>
}

export interface StormReport {
  /** Milliseconds from the cut until each client had everything up to its return. */
  readonly waits: number[]
  readonly received: number
  readonly lost: number
  readonly doubled: number
  readonly unrecovered: number
}

/** Connections that a process opens at once, at first; the storm itself knows no such mercy. */
const AT_ONCE = 50

/** How long a process waits for the end of its clients' rooms, milliseconds. */
const PATIENCE = 30_000

/** As little of a client as can follow a room over a lost connection. */
class StormClient {
  epoch = ''
  offset = -1
  received = 0
  lost = 0
  doubled = 0
  unrecovered = 0
  readonly room: string
  readonly #url: string
  readonly #protocols: string[]
  #socket: WebSocket | undefined
  #joined = () => {}

  constructor(url: string, room: string, user: string) {
    this.room = room
    this.#url = `${url.replace(/^http/, 'ws')}/chat`
    this.#protocols = ['parley.v1', `bearer.${signToken(user, 3600)}`]
  }

  /** Connects and joins from where it stands, until that works. */
  join(): Promise<void> {
    return new Promise((resolve) => {
      this.#joined = resolve
      this.#connect()
    })
  }

  /** Breaks the connection as a lost network does. */
  cut(): void {
    this.#socket?.removeAllListeners('close')
    this.#socket?.terminate()
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, this.#protocols, { perMessageDeflate: false })
    this.#socket = socket
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString())))
    socket.on('error', () => {})
    socket.on('close', () => setTimeout(() => this.#connect(), 100 + Math.random() * 1000))
  }

  #receive(event: { event: string; id?: string } & (Message | JoinResult)): void {
    if (event.event === 'welcome') {
      const since = this.offset >= 0 && { since: { epoch: this.epoch, offset: this.offset } }
      this.#socket?.send(JSON.stringify({ action: 'join', id: 'j', room: this.room, ...since }))
    } else if (event.event === 'ok') {
      const { epoch, offset, recovered, messages } = event as JoinResult
      if (this.offset < 0) this.offset = offset - messages.length
      else if (!recovered) this.unrecovered++
      this.epoch = epoch
      for (const message of messages) this.#take(message)
      this.#joined()
    } else if (event.event === 'message') {
      this.#take(event as Message)
    }
  }

  #take({ offset }: Message): void {
    this.received++
    if (offset <= this.offset) this.doubled++
    else {
      this.lost += offset - this.offset - 1
      this.offset = offset
    }
  }
}

const { url, clients: count, rooms } = JSON.parse(process.argv[2] as string) as StormOptions
const clients = Array.from({ length: count }, (_, i) => {
  return new StormClient(url, rooms[i % rooms.length] as string, `storm-${process.pid}-${i}`)
})

const orders: Record<StormOrder['order'], (order: StormOrder) => Promise<number[]>> = {
  async join() {
    for (let i = 0; i < clients.length; i += AT_ONCE) {
      await Promise.all(clients.slice(i, i + AT_ONCE).map((client) => client.join()))
    }
    return []
  },

  async cut() {
    const start = performance.now()
    for (const client of clients) client.cut()
    const back = clients.map(async (client) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000))
      await client.join()
      return performance.now() - start
    })
    return Promise.all(back)
  },

  async report({ ends }) {
    const deadline = performance.now() + PATIENCE
    const behind = () => clients.filter(({ room, offset }) => offset < (ends[room] as number))
    while (behind().length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    for (const client of behind()) client.lost += (ends[client.room] as number) - client.offset
    return []
  },
}

process.on('message', async (order: StormOrder) => {
  const waits = await orders[order.order](order)
  const sum = (key: 'received' | 'lost' | 'doubled' | 'unrecovered') =>
    clients.reduce((total, client) => total + client[key], 0)
  const report: StormReport = {
    waits,
    received: sum('received'),
    lost: sum('lost'),
    doubled: sum('doubled'),
    unrecovered: sum('unrecovered'),
  }
  process.send?.(report)
})
