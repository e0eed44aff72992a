import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { findToken } from '../src/auth/token-source.js'
import { systemClock } from '../src/clock.js'
import { ParleyError } from '../src/errors.js'
import { Nick, UserId } from '../src/protocol/names.js'
import { refusals } from './schemas.js'

/** How long after its end a token still tells which guest it was given to, milliseconds. */
const REMEMBERED = 86_400_000

/** The scope of a guest's token: no other token is renewed here. */
const GUEST = 'guest'

/**
 * `POST /guests`: a short-lived token for anyone, where the settings allow it. Who sends the token
 * of before along stays the same user, so that a message sent again is known for the same one.
 */
const guests: FastifyPluginAsyncTypebox = async (fastify) => {
  const { config } = fastify.parley
  if (!config.guests || !fastify.tokens.canSign) return

  fastify.post(
    '/guests',
    {
      schema: {
        tags: ['Tokens'],
        security: [],
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
      const before = await sameGuest(fastify, request.headers.authorization)
      const user = before ?? `guest-${systemClock.id()}`
      const exp = Math.floor(systemClock.now() / 1000) + config.guestTokenSeconds
      const token = fastify.tokens.sign({ sub: user, name: request.body.nick, scope: GUEST, exp })
      return reply.code(201).send({ token, user, expires: exp * 1000 })
    },
  )
}

export default guests

async function sameGuest({ parley }: FastifyInstance, authorization: string | undefined) {
  const carrier = { authorization, subprotocols: undefined, cookie: undefined, query: '' }
  const token = findToken(carrier, undefined)
  if (token === undefined) return undefined
  const { user, scopes } = await parley.verify(token, REMEMBERED)
  if (!scopes.has(GUEST)) throw new ParleyError('FORBIDDEN', 'only a guest’s token is renewed here')
  return user
}
