import type { SocketLike } from '../../../client/index.js'
import type { FakeServer } from './fake-server.js'

/** A client's action as the server read it. */
export type Received = Record<string, unknown> & { readonly action: string }

/** Both ends of one connection, without a network between them. */
export class FakeSocket implements SocketLike {
  /** As in browsers: 0 connecting, 1 open, 2 closing, 3 closed. */
  readyState = 0
  bufferedAmount = 0
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly url: string
  readonly protocols: string[]
  readonly user = 'me'
  /** The rooms this connection is in, and the epoch it was told of each. */
  readonly rooms = new Map<string, string>()
  /** What the client has sent, in the order of arrival. */
  readonly received: Received[] = []
  token: string
  connection = ''
  /** The network takes everything and delivers nothing. */
  dead = false
  readonly #server: FakeServer

  constructor(server: FakeServer, url: string, protocols: string[]) {
    // What RFC 6455, section 4.1, forbids in a subprotocol browsers refuse with an exception.
    if (protocols.some((protocol) => /[^!-~]/.test(protocol))) throw new SyntaxError('protocol')
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
      const action = JSON.parse(text) as Received
      this.received.push(action)
      this.#server.handle(this, action)
    })
  }

  /** From the client. */
  close(): void {
    if (this.readyState >= 2) return
    this.readyState = 2
    this.#server.clock.after(this.#server.latency, () => this.end(1000))
  }

  /** To the client, an event or any text. */
  push(event: object | string): void {
    const text = typeof event === 'string' ? event : JSON.stringify(event)
    for (const frame of this.#server.tamper(text)) {
      this.#server.clock.after(this.#server.latency, () => this.deliver(frame))
    }
  }

  /** To the client, at once. */
  deliver(frame: unknown): void {
    const open = this.readyState === 1 || this.readyState === 2
    if (open && !this.dead) this.onmessage?.({ data: frame } as never)
  }

  /** The connection ends: with a close frame, or with 1006 without one. */
  end(code = 1006, reason = ''): void {
    if (this.readyState === 3 || this.dead) return
    this.readyState = 3
    this.onclose?.({ code, reason } as never)
  }
}
