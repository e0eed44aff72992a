import { randomBytes } from 'node:crypto'
import { IncomingMessage, type Server } from 'node:http'
import { type Http2SecureServer, Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import fp from 'fastify-plugin'
import { systemClock } from '../src/clock.js'
import { Http2Sessions } from '../src/connections/http2-sessions.js'
import { Http2StreamSocket } from '../src/connections/http2-stream.js'

export interface WebSocketH2Options {
  /**
   * Streams, requests and WebSockets together, that one connection may have open at the same time.
   * Default: what the server was created with.
   */
  readonly maxConcurrentStreams?: number
  /**
   * How long connections may go on once the application closes, milliseconds: sockets that were told
   * to close, requests that are being answered. Default: 5000.
   */
  readonly closeTimeout?: number
}

/**
 * WebSocket over HTTP/2 (RFC 8441) for every application that has @fastify/websocket and a server
 * of HTTP/2: the same routes, hooks and handlers, without a change to them.
 *
 *     const app = Fastify({ http2: true, https: { allowHTTP1: true, key, cert } })
 *     await app.register(websocket)
 *     await app.register(websocketH2)
 *     app.get('/chat', { websocket: true }, (socket, request) => …)
 *
 * An extended CONNECT becomes what @fastify/websocket takes: a GET with `Upgrade`, on a socket that
 * is the stream. `request.raw.httpVersion` is `2.0`. What a hook answers instead of letting the
 * handshake through arrives as an answer of HTTP/2, status, headers and body.
 */
export const websocketH2 = fp<WebSocketH2Options>(
  async (fastify, { maxConcurrentStreams, closeTimeout = 5000 }) => {
    const server = fastify.server as unknown as Http2SecureServer
    if (!isHttp2(server)) throw new Error('websocket-h2 needs an application with http2: true')
    if (served.has(server)) return
    served.add(server)
    server.updateSettings({
      enableConnectProtocol: true,
      ...(maxConcurrentStreams !== undefined && { maxConcurrentStreams }),
    })
    const options = { clock: systemClock, log: fastify.log, closeTimeout }
    const sessions = new Http2Sessions(server, options)
    ;(server as unknown as Server).on('connect', (request, response) =>
      onConnect(server, sessions, request, response),
    )
    fastify.addHook('preClose', async () => sessions.close())
  },
  { name: 'websocket-h2', fastify: '5.x', dependencies: ['@fastify/websocket'] },
)

export default websocketH2

/** Two of these on one server would answer every handshake twice. */
const served = new WeakSet<object>()

/** Whether WebSockets over HTTP/2 can come in through this server. */
export function isHttp2(server: unknown): boolean {
  return typeof (server as Partial<Http2SecureServer>).updateSettings === 'function'
}

/** Listener of `connect`, which has other arguments on HTTP/1.1. */
function onConnect(
  server: Http2SecureServer,
  sessions: Http2Sessions,
  request: Http2ServerRequest | IncomingMessage,
  response: Http2ServerResponse | Duplex,
): void {
  const others = server.listenerCount('connect') > 1
  if (!(request instanceof Http2ServerRequest)) {
    // What Node does when nobody listens: this is no proxy.
    if (!others) (response as Duplex).destroy()
    return
  }
  const protocol = request.headers[':protocol']
  if (protocol === 'websocket') {
    sessions.watch(request.stream)
    const socket = new Http2StreamSocket(request.stream)
    server.emit('upgrade', handshakeOf(request, socket), socket, Buffer.alloc(0))
  } else if (!others) {
    // RFC 9110, sections 9.3.6 and 15.6.2: no tunnels, and no other protocol in a stream.
    const answer = response as Http2ServerResponse
    answer.writeHead(protocol === undefined ? 405 : 501).end()
  }
}

/** The request of HTTP/1.1 that asks for what an extended CONNECT asks for. */
function handshakeOf(
  { headers, authority }: Http2ServerRequest,
  socket: Http2StreamSocket,
): IncomingMessage {
  const request = new IncomingMessage(socket as unknown as Socket)
  request.method = 'GET'
  request.url = headers[':path'] ?? '/'
  request.httpVersion = '2.0'
  request.httpVersionMajor = 2
  request.httpVersionMinor = 0
  const given = Object.entries(headers).filter(([name]) => !name.startsWith(':'))
  request.headers = {
    ...Object.fromEntries(given),
    host: authority,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  request.rawHeaders = Object.entries(request.headers).flatMap(([name, value]) =>
    [value ?? ''].flat().flatMap((one) => [name, one]),
  )
  request.complete = true
  request.push(null)
  return request
}
