import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { systemClock } from '../src/clock.js'
import { ParleyError } from '../src/errors.js'
import { Nick, UserId } from '../src/protocol/names.js'
import { refusals } from './schemas.js'

/** `POST /guests`: a short-lived token for anyone, where the settings allow it. */
const guests: FastifyPluginAsyncTypebox = async (fastify) => {
  const { config } = fastify.parley
  if (!config.guests || !fastify.tokens.canSign) return

  fastify.post(
    '/guests',
    {
      schema: {
        summary: 'A short-lived token for a guest',
        body: Type.Object({ nick: Nick }),
        response: {
          201: Type.Object({
            token: Type.String(),
            user: UserId,
            expires: Type.Integer({ description: 'Milliseconds since 1970' }),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      if (!fastify.originAllowed(request)) throw new ParleyError('ORIGIN_NOT_ALLOWED')
      const user = `guest-${systemClock.id()}`
      const exp = Math.floor(systemClock.now() / 1000) + config.guestTokenSeconds
      const token = fastify.tokens.sign({ sub: user, name: request.body.nick, exp })
      return reply.code(201).send({ token, user, expires: exp * 1000 })
    },
  )
}

export default guests
