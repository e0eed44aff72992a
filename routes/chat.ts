import type { FastifyPluginAsync } from 'fastify'
import type { Identity } from '../src/auth/identity.js'
import { WebSocketTransport } from '../src/connections/websocket-transport.js'
import { CloseCode } from '../src/protocol/close-codes.js'
import { quietLevel } from './log-level.js'

/** `GET /chat`: rooms over WebSocket; the protocol of docs/protocol.md. */
const chat: FastifyPluginAsync = async (fastify) => {
  const { parley } = fastify
  const logLevel = quietLevel(fastify.log)

  fastify.get(
    '/chat',
    { websocket: true, onRequest: fastify.handshake, logLevel },
    (socket, request) => {
      const connection = parley.open({
        endpoint: 'chat',
        identity: request.identity as Identity,
        address: request.ip,
        transport: new WebSocketTransport(socket, request.raw.socket),
      })
      // Attached in the same turn as the upgrade: what a client sends at once must not be missed.
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) connection.close(CloseCode.unsupportedData, 'Text messages only')
        else parley.receive(connection, data.toString())
      })
      socket.on('close', (code) => parley.closed(connection, code))
    },
  )
}

export default chat
