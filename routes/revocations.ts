import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { MAX_NAME_LENGTH } from '../src/protocol/limits.js'
import { Empty, refusals } from './schemas.js'

const TokenId = Type.String({
  minLength: 1,
  maxLength: MAX_NAME_LENGTH,
  description: 'The token’s `jti`',
})

/** `POST /revocations`. All tokens of a user: `DELETE /users/:user/connections`. */
const revocations: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/revocations',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'Revoke one token by its id',
        description:
          'From now on it is refused on every node, also after a restart; connections that hold it are closed with 4501.',
        body: Type.Object({ jti: TokenId }),
        response: { 201: Empty, ...refusals },
      },
    },
    async ({ body: { jti } }, reply) => {
      await fastify.parley.administration.revokeToken(jti)
      return reply.code(201).send(null)
    },
  )
}

export default revocations
