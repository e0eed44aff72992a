import websocket from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import { selectSubprotocol } from '../src/auth/token-source.js'
import type { Config } from '../src/config.js'
import { CloseCode } from '../src/protocol/close-codes.js'
import { CLOSE_TIMEOUT } from '../src/service.js'

/**
 * WebSockets by @fastify/websocket. An application that registered it already keeps its own, and
 * its options, because two would both answer every handshake.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    if (fastify.hasDecorator('websocketServer')) return
    const options = {
      maxPayload: config.maxMessageBytes,
      closeTimeout: CLOSE_TIMEOUT,
      clientTracking: false,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => selectSubprotocol([...offered].join()) ?? false,
    }
    await fastify.register(websocket, {
      options,
      errorHandler: onError,
      // The service has sent everyone away by the time the server closes; see src/service.ts.
      preClose: (done) => done(),
    })
  },
  { name: 'parley-websocket', fastify: '5.x' },
)

/** ws closes by itself with the code that fits, so that all that is left is to say so. */
function onError(error: Error, socket: WebSocket, request: FastifyRequest): void {
  request.log.debug({ err: error }, 'connection error')
  socket.close(CloseCode.internalError)
}
