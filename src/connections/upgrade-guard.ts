import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** A listener of `node:http`'s `upgrade` event. */
export type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void

/**
 * Node hands every request that offers any upgrade to the `upgrade` listener, and takes it for the
 * last one on its connection. This passes on what asks for a WebSocket and lets the server answer
 * the rest as if nothing had been offered, which is always allowed (RFC 9110, section 7.8): some
 * HTTP clients offer `h2c` with every first request.
 */
export function guardUpgrades(server: Server, accept: UpgradeListener): UpgradeListener {
  return (request, socket, head) => {
    // Pipelined behind a request that is not answered yet: two answers would get mixed up.
    if (isAnswering(request, socket)) socket.destroySoon()
    else if (request.headers.upgrade?.toLowerCase() === 'websocket') accept(request, socket, head)
    else serveWithoutUpgrade(server, request, socket, head)
  }
}

function isAnswering(request: IncomingMessage, socket: Socket): boolean {
  const response = new ServerResponse(request)
  try {
    response.assignSocket(socket)
    response.detachSocket(socket)
    return false
  } catch {
    return true
  }
}

/** Gives the connection back to the server, with the same request but for its offer. */
function serveWithoutUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (!OFFER.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`)
    else if (/\bclose\b/i.test(rawHeaders[i + 1] as string)) lines.push('Connection: close')
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

const OFFER = new Set(['connection', 'upgrade', 'http2-settings'])
