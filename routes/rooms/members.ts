import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { Member } from '../../src/protocol/events.js'
import { Page, RoomParams, refusals } from '../schemas.js'
import { requireGrant } from './index.js'

/** `GET /rooms/:room/members`. */
const members: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/rooms/:room/members',
    {
      onRequest: fastify.requireToken,
      schema: {
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
}

export default members
