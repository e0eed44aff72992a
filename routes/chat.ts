import type { FastifyPluginAsync } from 'fastify'
import type { Identity } from '../src/auth/identity.js'
import { ChatSink } from '../src/connections/chat-sink.js'
import { releaseHandshake } from '../src/connections/upgraded.js'
import { readMessages } from '../src/connections/websocket-input.js'
import { WebSocketTransport } from '../src/connections/websocket-transport.js'
import { quietLevel } from './log-level.js'

/** `GET /chat`: rooms over WebSocket; the protocol of docs/protocol.md. */
const chat: FastifyPluginAsync = async (fastify) => {
  const { parley } = fastify
  const { maxMessageBytes } = parley.config
  const logLevel = quietLevel(fastify.log)

  fastify.get(
    '/chat',
    { websocket: true, onRequest: fastify.handshake, logLevel },
    (socket, request) => {
      const stream = request.raw.socket
      releaseHandshake(socket, stream, request.answer)
      const deflate = socket.extensions === '' ? undefined : fastify.deflate
      const connection = parley.open({
        endpoint: 'chat',
        identity: request.identity as Identity,
        address: request.ip,
        transport: new WebSocketTransport(socket, stream, parley.directWriter, deflate),
        request: request.id,
      })
      readMessages(socket, stream, new ChatSink(connection, parley), maxMessageBytes, deflate)
      socket.on('close', (code) => parley.closed(connection, code))
    },
  )
}

export default chat
