import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { BOUNDS } from '../src/stats/histogram.js'
import { quietLevel } from './log-level.js'
import { bounds, NodeSummary, refusals } from './schemas.js'

/** `GET /stats`: one node's line of `GET /nodes`, for who looks at nodes one by one. */
const stats: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley } = fastify

  fastify.get(
    '/stats',
    {
      onRequest: fastify.requireScope('admin'),
      logLevel: quietLevel(fastify.log),
      schema: {
        tags: ['Administration'],
        summary: 'Counters of this node since its start',
        response: {
          200: Type.Object({ ...NodeSummary.properties, bounds }),
          ...refusals,
        },
      },
    },
    async () => ({ ...parley.summary(), bounds: [...BOUNDS] }),
  )
}

export default stats
