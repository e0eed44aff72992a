import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { systemClock } from '../src/clock.js'
import { BOUNDS, type LatencyHistogram } from '../src/stats/histogram.js'
import { quietLevel } from './log-level.js'
import { refusals } from './schemas.js'

const Count = Type.Integer({ minimum: 0 })
const Buckets = Type.Array(Count, {
  description: 'How many took up to each of `bounds`; the last took longer',
})

/** `GET /stats`: what `/admin` draws. Counters only grow; who asks twice gets a rate. */
const stats: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley, connections } = fastify

  fastify.get(
    '/stats',
    {
      onRequest: fastify.requireScope('admin'),
      logLevel: quietLevel(fastify.log),
      schema: {
        tags: ['Administration'],
        summary: 'Counters of this node since its start',
        response: {
          200: Type.Object({
            time: Type.Integer({ description: 'Milliseconds since 1970' }),
            connections: Count,
            users: Count,
            rooms: Count,
            draining: Type.Boolean(),
            received: Count,
            sent: Count,
            bytes_in: Count,
            bytes_out: Count,
            buffered: Count,
            refused: Count,
            bounds: Type.Array(Type.Number(), { description: 'Milliseconds' }),
            append: Buckets,
            delivery: Buckets,
          }),
          ...refusals,
        },
      },
    },
    async () => {
      const { received, sent, bytesIn, bytesOut } = parley.stats.traffic(connections)
      let refused = 0
      for (const codes of parley.stats.refused.values()) {
        for (const count of codes.values()) refused += count
      }
      return {
        time: systemClock.now(),
        connections: connections.size,
        users: connections.sizes().users,
        rooms: parley.rooms.size,
        draining: parley.draining,
        received,
        sent,
        bytes_in: bytesIn,
        bytes_out: bytesOut,
        buffered: parley.buffered().total,
        refused,
        bounds: [...BOUNDS],
        append: buckets(parley.stats.append),
        delivery: buckets(parley.stats.delivery),
      }
    },
  )
}

export default stats

function buckets({ counts }: LatencyHistogram): number[] {
  return [...counts]
}
