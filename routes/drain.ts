import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { refusals } from './schemas.js'

/** `POST /drain`. */
const drain: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley } = fastify

  fastify.post(
    '/drain',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'Send everyone away from this node, then end the process',
        description:
          'As SIGTERM does: `/health/ready` turns 503, handshakes get 503, open connections are closed with 1012 over `DRAIN_SECONDS`.',
        response: {
          202: Type.Object({
            connections: Type.Integer({ minimum: 0, description: 'How many are sent away' }),
            seconds: Type.Integer({ minimum: 0, description: 'Over how long' }),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      const answer = { connections: fastify.connections.size, seconds: parley.config.drainSeconds }
      if (!parley.draining) request.log.info(answer, 'draining')
      void parley.drain()
      return reply.code(202).send(answer)
    },
  )
}

export default drain
