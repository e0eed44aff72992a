import type { FastifyPluginAsync } from 'fastify'
import type { Identity } from '../src/auth/identity.js'
import { encodeFrame, Opcode } from '../src/connections/frame.js'
import { WebSocketTransport } from '../src/connections/websocket-transport.js'
import { quietLevel } from './log-level.js'

/** `GET /ws`: every message comes back, same type, same bytes. */
const echo: FastifyPluginAsync = async (fastify) => {
  const { parley } = fastify
  const logLevel = quietLevel(fastify.log)

  fastify.get(
    '/ws',
    { websocket: true, onRequest: fastify.handshake, logLevel },
    (socket, request) => {
      const transport = new WebSocketTransport(socket, request.raw.socket)
      const identity = request.identity as Identity
      const connection = parley.open({ endpoint: 'echo', identity, address: request.ip, transport })

      socket.on('message', (data: Buffer, isBinary) => {
        connection.received++
        connection.sent++
        const frame = encodeFrame(isBinary ? Opcode.binary : Opcode.text, data)
        if (transport.writeFrame(frame)) return
        // A peer that does not read what it asked for is not read either, until it does.
        transport.pause()
        transport.onceDrained(() => transport.resume())
      })
      socket.on('close', (code) => parley.closed(connection, code))
    },
  )
}

export default echo
