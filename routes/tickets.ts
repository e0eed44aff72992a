import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Identity } from '../src/auth/identity.js'
import { refusals } from './schemas.js'

/** `POST /tickets`. */
const tickets: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/tickets',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Tokens'],
        summary: 'A ticket for one handshake: `/chat?ticket=…`',
        description:
          'For clients that can send neither `Authorization` nor a subprotocol. It is good for 30 seconds, once, on any node.',
        response: {
          201: Type.Object({
            ticket: Type.String(),
            expires: Type.Integer({ description: 'Milliseconds since 1970' }),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      const ticket = await fastify.parley.tickets.issue(request.identity as Identity)
      return reply.code(201).header('cache-control', 'no-store').send(ticket)
    },
  )
}

export default tickets
