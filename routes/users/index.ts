import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Identity } from '../../src/auth/identity.js'
import { systemClock } from '../../src/clock.js'
import { UserId } from '../../src/protocol/names.js'
import { Empty, jsonText, refusals, Sending } from '../schemas.js'

const UserParams = Type.Object({ user: UserId })

/** `POST /users/:user/messages`, `DELETE /users/:user/connections`. */
const users: FastifyPluginAsyncTypebox = async (fastify) => {
  const { broker, parley } = fastify

  fastify.post(
    '/users/:user/messages',
    {
      onRequest: fastify.requireScope('publish'),
      schema: {
        tags: ['Users'],
        summary: 'Send to every live connection of a user, on every node',
        description: 'They get it as a `direct` event. It is not stored.',
        params: UserParams,
        body: Sending,
        response: {
          200: Type.Object({
            connections: Type.Integer({ minimum: 0, description: 'Connections it was sent to' }),
          }),
          ...refusals,
        },
      },
    },
    async ({ params, body, identity }) => {
      const { user, nick } = identity as Identity
      const msg = jsonText(body.msg)
      const { compress } = body
      const message = { user, nick: body.nick ?? nick, msg, compress, time: systemClock.now() }
      return { connections: await broker.sendToUser(params.user, message) }
    },
  )

  fastify.delete(
    '/users/:user/connections',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Users'],
        summary: 'Log a user out everywhere',
        description:
          'Revokes the tokens that were issued to the user up to now and closes the connections with 4501.',
        params: UserParams,
        response: { 204: Empty, ...refusals },
      },
    },
    async ({ params: { user } }, reply) => {
      await parley.administration.logOut(user)
      return reply.code(204).send(null)
    },
  )
}

export default users
