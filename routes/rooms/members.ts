import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { Member } from '../../src/protocol/events.js'
import { UserId } from '../../src/protocol/names.js'
import { Empty, Page, RoomParams, refusals } from '../schemas.js'
import { requireGrant } from './index.js'

/** `GET /rooms/:room/members`, `DELETE /rooms/:room/members/:user`. */
const members: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/rooms/:room/members',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Rooms'],
        summary: 'Who is in a room, across all nodes, in the order of user ids',
        params: RoomParams,
        querystring: Page,
        response: {
          200: Type.Object({
            members: Type.Array(Member),
            count: Type.Integer({ minimum: 0 }),
            cursor: Type.Optional(Type.String({ description: 'Pass it for the next page' })),
          }),
          ...refusals,
        },
      },
    },
    async ({ params: { room }, query: { limit, cursor }, identity }) => {
      requireGrant(identity, room)
      const query = { limit, ...(cursor !== undefined && { after: cursor }) }
      const { members, count, more } = await fastify.broker.members(room, query)
      const last = members.at(-1)?.user
      return { members: [...members], count, ...(more && last !== undefined && { cursor: last }) }
    },
  )

  fastify.delete(
    '/rooms/:room/members/:user',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Rooms'],
        summary: 'Take a user out of a room, on every node',
        description:
          'Every connection of the user gets a `left` event of its own. It does not keep the user from joining again: what a token grants does.',
        params: Type.Object({ ...RoomParams.properties, user: UserId }),
        response: { 204: Empty, ...refusals },
      },
    },
    async ({ params: { room, user } }, reply) => {
      await fastify.parley.administration.remove(room, user)
      return reply.code(204).send(null)
    },
  )
}

export default members
