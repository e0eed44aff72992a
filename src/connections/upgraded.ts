import type { ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import { CloseCode } from '../protocol/close-codes.js'
import { shareParameters } from './shared-parameters.js'
import type { ByteStream } from './websocket-transport.js'

/**
 * Lets go of what a handshake leaves on its socket once it is over. The listener of
 * @fastify/websocket for errors holds the request and the reply, the socket holds the answer and
 * through it the headers: three kilobytes for as long as the connection lives.
 * @param answer the response that the upgrade took the place of
 */
export function releaseHandshake(
  ws: WebSocket,
  stream: ByteStream,
  answer: ServerResponse | null,
): void {
  ws.removeAllListeners('error')
  ws.on('error', onError)
  shareParameters(ws)
  answer?.detachSocket(stream as Parameters<ServerResponse['detachSocket']>[0])
}

/** ws closes by itself with the code that fits; one function for all connections. */
function onError(this: WebSocket): void {
  this.close(CloseCode.internalError)
}

/**
 * Holds the answer to a handshake back until this turn is over, so that what is sent at once goes
 * out with it: one write to the network instead of two. A listener of ws' `headers` event.
 */
export function writeWithAnswer(stream: ByteStream): void {
  stream.cork()
  process.nextTick(uncork, stream)
}

function uncork(stream: ByteStream): void {
  stream.uncork()
}
