import { Server as TlsServer } from 'node:tls'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { systemClock } from '../src/clock.js'
import { VERSION } from '../src/version.js'
import { quietLevel } from './log-level.js'

const Summary = Type.Object({
  status: Type.Enum(['ok', 'draining', 'unavailable']),
  version: Type.String(),
  uptime: Type.Integer({ description: 'Seconds' }),
  scheme: Type.Enum(['http', 'https']),
  port: Type.Optional(Type.Integer()),
  worker: Type.Optional(
    Type.Integer({ description: 'Which of several processes answers; the counts are its own' }),
  ),
  connections: Type.Integer(),
  rooms: Type.Integer({ description: 'Rooms with members on this node' }),
  broker: Type.Object({
    name: Type.String(),
    ok: Type.Boolean(),
    reason: Type.Optional(Type.String()),
    since: Type.Optional(Type.Integer({ description: 'Milliseconds since 1970' })),
  }),
})
const Probe = Type.Object({
  status: Type.String(),
  reason: Type.Optional(Type.String()),
})

/** `GET /health` for people, `/health/live` and `/health/ready` for probes. No token. */
const health: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley, broker } = fastify
  const logLevel = quietLevel(fastify.log)

  fastify.get(
    '/health',
    {
      logLevel,
      schema: { tags: ['Operation'], security: [], summary: 'Summary', response: { 200: Summary } },
    },
    async () => {
      const state = broker.health()
      const address = fastify.server.address()
      return {
        status: parley.draining ? 'draining' : state.ok ? 'ok' : 'unavailable',
        version: VERSION,
        uptime: Math.floor((systemClock.now() - parley.startedAt) / 1000),
        scheme: fastify.server instanceof TlsServer ? 'https' : 'http',
        ...(address !== null && typeof address === 'object' && { port: address.port }),
        ...(fastify.worker && { worker: fastify.worker.number }),
        connections: fastify.connections.size,
        rooms: parley.rooms.size,
        broker: { name: broker.name, ...state },
      } as const
    },
  )

  fastify.get(
    '/health/live',
    {
      logLevel,
      schema: {
        tags: ['Operation'],
        security: [],
        summary: 'Is the process alive?',
        response: { 200: Probe },
      },
    },
    async () => ({ status: 'live' }),
  )

  fastify.get(
    '/health/ready',
    {
      logLevel,
      schema: {
        tags: ['Operation'],
        security: [],
        summary: 'Should it get traffic?',
        response: { 200: Probe, 503: Probe },
      },
    },
    async (_request, reply) => {
      if (parley.draining) return reply.code(503).send({ status: 'draining' })
      const state = broker.health()
      if (!state.ok) return reply.code(503).send({ status: 'unavailable', reason: state.reason })
      return { status: 'ready' }
    },
  )
}

export default health
