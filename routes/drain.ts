import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ParleyError } from '../src/errors.js'
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
        summary: 'Send everyone away from a node, then end its process',
        description:
          'As SIGTERM does: `/health/ready` turns 503, handshakes get 503, open connections are closed with 1012 over `DRAIN_SECONDS`.',
        querystring: Type.Object({
          node: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 64,
              description: 'Name of a node, or `all`. Default: the one that is asked',
            }),
          ),
        }),
        response: {
          202: Type.Object({
            connections: Type.Integer({ minimum: 0, description: 'How many are sent away' }),
            seconds: Type.Integer({ minimum: 0, description: 'Over how long' }),
          }),
          ...refusals,
        },
      },
    },
    async ({ query: { node = parley.broker.node }, identity, log }, reply) => {
      log.info({ node, by: identity?.user }, 'drain requested')
      const answer = await (node === 'all' ? parley.nodes.drainAll() : parley.nodes.drain(node))
      if (!answer) throw new ParleyError('NOT_FOUND', 'there is no such node')
      return reply.code(202).send(answer)
    },
  )
}

export default drain
