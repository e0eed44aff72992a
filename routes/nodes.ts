import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { BOUNDS } from '../src/stats/histogram.js'
import { quietLevel } from './log-level.js'
import { bounds, NodeSummary, refusals } from './schemas.js'

/** `GET /nodes`: what `/admin` draws. Counters only grow; who asks twice gets a rate. */
const nodes: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley } = fastify

  fastify.get(
    '/nodes',
    {
      onRequest: fastify.requireScope('admin'),
      logLevel: quietLevel(fastify.log),
      schema: {
        tags: ['Administration'],
        summary: 'Every node, with its counters',
        description:
          'Whoever answers within a second, by name; `this` is the one that was asked. While the broker is away it stands alone.',
        response: {
          200: Type.Object({
            this: Type.String({ description: 'Name of the node that answers' }),
            bounds,
            nodes: Type.Array(NodeSummary),
          }),
          ...refusals,
        },
      },
    },
    async () => ({
      this: parley.broker.node,
      bounds: [...BOUNDS],
      nodes: await parley.nodes.all(),
    }),
  )
}

export default nodes
