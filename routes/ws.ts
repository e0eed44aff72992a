import type { FastifyPluginAsync } from 'fastify'
import type { Identity } from '../src/auth/identity.js'
import { EchoSink } from '../src/connections/echo-sink.js'
import { releaseHandshake } from '../src/connections/upgraded.js'
import { readMessages } from '../src/connections/websocket-input.js'
import { WebSocketTransport } from '../src/connections/websocket-transport.js'
import { quietLevel } from './log-level.js'

/** `GET /ws`: every message comes back, same type, same bytes. */
const echo: FastifyPluginAsync = async (fastify) => {
  const { parley } = fastify
  const { maxMessageBytes } = parley.config
  const logLevel = quietLevel(fastify.log)

  fastify.get(
    '/ws',
    { websocket: true, onRequest: fastify.handshake, logLevel },
    (socket, request) => {
      const stream = request.raw.socket
      releaseHandshake(socket, stream, request.answer)
      const deflate = socket.extensions === '' ? undefined : fastify.deflate
      const transport = new WebSocketTransport(socket, stream, parley.directWriter, deflate)
      const identity = request.identity as Identity
      const connection = parley.open({
        endpoint: 'echo',
        identity,
        address: request.ip,
        transport,
        request: request.id,
      })
      readMessages(socket, stream, new EchoSink(connection, transport), maxMessageBytes, deflate)
      socket.on('close', (code) => parley.closed(connection, code))
    },
  )
}

export default echo
