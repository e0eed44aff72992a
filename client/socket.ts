import { BEARER_PREFIX, SUBPROTOCOL } from '../src/protocol/limits.js'

/** What the client needs of a WebSocket; the browser's and that of the `ws` package have it. */
export interface SocketLike {
  readonly bufferedAmount: number
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** `WebSocket` of the platform, or of the `ws` package. */
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike

/**
 * Opens a socket; the token goes where browsers let it. No `open` is waited for: the server speaks
 * first.
 * @param closed called once, unless `abandon` came first; 1006 before a message: maybe a refusal
 * @throws what the constructor throws, for example when the token holds a wrong character
 */
export function openSocket(
  WebSocket: SocketConstructor,
  url: string,
  token: string,
  message: (data: unknown) => void,
  closed: (code: number, reason: string) => void,
): SocketLike {
  const socket = new WebSocket(url, [SUBPROTOCOL, BEARER_PREFIX + token])
  socket.onmessage = (event: { data: unknown }) => message(event.data)
  socket.onclose = (event: { code: number; reason: string }) => closed(event.code, event.reason)
  // A close follows each error and says as much; `ws` throws errors that nobody listens to.
  socket.onerror = () => {}
  return socket
}

/** Closes a socket and hears nothing more of it. The peer may be gone: nothing is waited for. */
export function abandon(socket: SocketLike): void {
  socket.onmessage = socket.onclose = null
  socket.close(1000)
}
