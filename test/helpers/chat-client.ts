import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'

/** An event from the server, unvalidated. */
export type AnyEvent = Record<string, unknown> & { event: string }

type WebSocketClass = new (url: string, protocols: string[], options: ClientOptions) => WebSocket

export interface ConnectOptions {
  readonly token?: string
  readonly subprotocols?: string[]
  readonly headers?: Record<string, string>
  /** What the socket is made of; WebSocket over HTTP/1.1 by default. */
  readonly webSocket?: WebSocketClass
}

/**
 * A bare client of the wire protocol: sends JSON, keeps every event in order, and hands them out
 * one by one.
 */
export class ChatClient {
  readonly socket: WebSocket
  /** Every event received, oldest first. */
  readonly events: AnyEvent[] = []
  /** Resolves when the WebSocket is open; rejects when the handshake was refused. */
  readonly opened: Promise<unknown>
  /** Resolves with code and reason when it has closed. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #waiting: { matches: (event: AnyEvent) => boolean; resolve: (e: AnyEvent) => void }[] =
    []
  #taken = 0
  #lastId = 0

  constructor(
    url: string,
    { token, subprotocols, headers = {}, webSocket = WebSocket }: ConnectOptions = {},
  ) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    this.socket = new webSocket(url, subprotocols ?? [], {
      headers: { ...authorization, ...headers },
      // The tests' certificates are made by the tests.
      rejectUnauthorized: false,
    })
    this.socket.on('message', (data) => this.#received(JSON.parse(String(data))))
    this.opened = once(this.socket, 'open')
    this.opened.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
    this.socket.on('error', () => {})
  }

  /** The next event of this name after the last one handed out. */
  event(name: string): Promise<AnyEvent> {
    return this.#next((event) => event.event === name)
  }

  /** Sends an action with an id of its own and resolves with its `ok` or `error`. */
  async ask(action: string, fields: object = {}): Promise<AnyEvent> {
    const id = `q${++this.#lastId}`
    this.send({ action, id, ...fields })
    return this.reply('id' in fields ? String(fields.id) : id)
  }

  /** Resolves with the `ok` or `error` with this id, the next one that comes. */
  reply(id: string): Promise<AnyEvent> {
    return this.#wait((event) => event.id === id && event.event !== 'message')
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** All `message` events of a room so far. */
  messages(room: string): AnyEvent[] {
    return this.events.filter((event) => event.event === 'message' && event.room === room)
  }

  /** Resolves once everything that the server sent before now has arrived. */
  async settled(): Promise<void> {
    this.send({ action: 'ping' })
    await this.#wait((event) => event.event === 'pong')
  }

  close(code = 1000): Promise<{ code: number; reason: string }> {
    this.socket.close(code)
    return this.closed
  }

  terminate(): void {
    this.socket.terminate()
  }

  #next(matches: (event: AnyEvent) => boolean): Promise<AnyEvent> {
    for (let i = this.#taken; i < this.events.length; i++) {
      const event = this.events[i] as AnyEvent
      if (!matches(event)) continue
      this.#taken = i + 1
      return Promise.resolve(event)
    }
    this.#taken = this.events.length
    return this.#wait(matches).then((event) => {
      this.#taken = Math.max(this.#taken, this.events.indexOf(event) + 1)
      return event
    })
  }

  #wait(matches: (event: AnyEvent) => boolean): Promise<AnyEvent> {
    return new Promise((resolve) => {
      this.#waiting.push({ matches, resolve })
    })
  }

  #received(event: AnyEvent): void {
    this.events.push(event)
    const i = this.#waiting.findIndex(({ matches }) => matches(event))
    if (i >= 0) this.#waiting.splice(i, 1)[0]?.resolve(event)
  }
}
