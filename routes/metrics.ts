import { timingSafeEqual } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ParleyError } from '../src/errors.js'
import { quietLevel } from './log-level.js'
import { refusals } from './schemas.js'

/** `GET /metrics`, for Prometheus; with `METRICS_TOKEN` only for who knows it. */
const metrics: FastifyPluginAsyncTypebox = async (fastify) => {
  const expected = fastify.parley.config.metricsToken
  const authorization = expected === undefined ? undefined : Buffer.from(`Bearer ${expected}`)

  fastify.get(
    '/metrics',
    {
      logLevel: quietLevel(fastify.log),
      schema: {
        tags: ['Operation'],
        security: [],
        summary: 'Metrics in Prometheus’ text format',
        description: 'With `METRICS_TOKEN` set, it has to be the bearer token.',
        produces: ['text/plain'],
        response: { 200: Type.String(), ...refusals },
      },
    },
    async (request, reply) => {
      const given = Buffer.from(request.headers.authorization ?? '')
      if (authorization && !isEqual(given, authorization)) {
        throw new ParleyError('UNAUTHORIZED', 'METRICS_TOKEN is required')
      }
      return reply.type(fastify.metrics.contentType).send(await fastify.metrics.text())
    },
  )
}

export default metrics

function isEqual(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected)
}
