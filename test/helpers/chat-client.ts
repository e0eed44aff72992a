import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'
import { ProtocolClient } from './protocol-client.js'

export type { AnyEvent } from './protocol-client.js'

type WebSocketClass = new (url: string, protocols: string[], options: ClientOptions) => WebSocket

export interface ConnectOptions {
  readonly token?: string
  readonly subprotocols?: string[]
  readonly headers?: Record<string, string>
  /** What the socket is made of; WebSocket over HTTP/1.1 by default. */
  readonly webSocket?: WebSocketClass
}

/** A bare client of the protocol over a WebSocket. */
export class ChatClient extends ProtocolClient {
  readonly socket: WebSocket
  /** Resolves when the WebSocket is open; rejects when the handshake was refused. */
  readonly opened: Promise<unknown>
  /** Resolves with code and reason when it has closed. */
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(
    url: string,
    { token, subprotocols, headers = {}, webSocket = WebSocket }: ConnectOptions = {},
  ) {
    super()
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    this.socket = new webSocket(url, subprotocols ?? [], {
      headers: { ...authorization, ...headers },
      // The tests' certificates are made by the tests.
      rejectUnauthorized: false,
    })
    this.socket.on('message', (data) => this.received(JSON.parse(String(data))))
    this.opened = once(this.socket, 'open')
    this.opened.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
    this.socket.on('error', () => {})
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  close(code = 1000): Promise<{ code: number; reason: string }> {
    this.socket.close(code)
    return this.closed
  }

  terminate(): void {
    this.socket.terminate()
  }
}
