import { BEARER_PREFIX, SUBPROTOCOL } from '../src/protocol/limits.js'

/** What the client needs of a WebSocket; the browser's and that of the `ws` package have it. */
export interface SocketLike {
  readonly readyState: number
  readonly bufferedAmount: number
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** `WebSocket` of the platform, or of the `ws` package. */
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike

export interface SocketHooks {
  message(data: unknown): void
  /** Once, unless {@link Socket.abandon} came first. 1006 before it was open: also a refusal. */
  closed(code: number, reason: string): void
}

const OPEN = 1

/** Ephemeral messages are dropped while this many bytes wait to be sent. */
const CONGESTED = 1 << 18

/** One WebSocket, from its opening to its end. */
export class Socket {
  readonly #socket: SocketLike

  /** Throws what the constructor throws, for example when the token holds a wrong character. */
  constructor(WebSocket: SocketConstructor, url: string, token: string, hooks: SocketHooks) {
    this.#socket = new WebSocket(url, [SUBPROTOCOL, BEARER_PREFIX + token])
    this.#socket.onmessage = ({ data }: { data: unknown }) => hooks.message(data)
    this.#socket.onclose = ({ code, reason }: { code: number; reason: unknown }) =>
      hooks.closed(code, String(reason))
    // A close follows each error and says as much; `ws` throws errors that nobody listens to.
    this.#socket.onerror = () => {}
  }

  get congested(): boolean {
    return this.#socket.bufferedAmount > CONGESTED
  }

  send(text: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(text)
  }

  /** Closes, and hears nothing more. The peer may be long gone: nothing is waited for. */
  abandon(): void {
    this.#socket.onmessage = this.#socket.onclose = null
    this.#socket.close(1000)
  }
}
