import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Identity } from '../src/auth/identity.js'
import { systemClock } from '../src/clock.js'
import { encodeDirect } from '../src/protocol/encode.js'
import { Empty, jsonText, refusals, Sending } from './schemas.js'

/** `POST /broadcast`. */
const broadcast: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/broadcast',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Users'],
        summary: 'Send to everyone online, on every node',
        description: 'Everyone gets it as a `direct` event. It is not stored.',
        body: Sending,
        response: { 202: Empty, ...refusals },
      },
    },
    async ({ body, identity }, reply) => {
      const { user, nick } = identity as Identity
      const msg = jsonText(body.msg)
      const { compress } = body
      const event = { user, nick: body.nick ?? nick, msg, compress, time: systemClock.now() }
      await fastify.parley.administration.broadcast(encodeDirect(event))
      return reply.code(202).send(null)
    },
  )
}

export default broadcast
