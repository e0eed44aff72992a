import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Connection as LiveConnection } from '../../src/connections/connection.js'
import { ParleyError } from '../../src/errors.js'
import { RoomName, UserId } from '../../src/protocol/names.js'
import { Connection, Page, refusals } from '../schemas.js'

const ConnectionsQuery = Type.Object({
  ...Page.properties,
  user: Type.Optional(UserId),
  room: Type.Optional(RoomName),
})

const ConnectionParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

/** `GET /connections`, `GET` and `DELETE /connections/:id`: the registry, for administrators. */
const connections: FastifyPluginAsyncTypebox = async (fastify) => {
  const registry = fastify.connections

  fastify.get(
    '/connections',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'Open connections of this node, oldest first',
        querystring: ConnectionsQuery,
        response: {
          200: Type.Object({
            connections: Type.Array(Connection),
            count: Type.Integer({ minimum: 0, description: 'Open connections of this node' }),
            cursor: Type.Optional(Type.String({ description: 'Pass it for the next page' })),
          }),
          ...refusals,
        },
      },
    },
    async ({ query: { user, room, limit, cursor } }) => {
      const source =
        user !== undefined
          ? registry.ofUser(user)
          : room !== undefined
            ? registry.inRoom(room)
            : registry
      const page: LiveConnection[] = []
      let started = cursor === undefined || !registry.get(cursor)
      let more = false
      for (const connection of source) {
        if (started && (room === undefined || connection.rooms.has(room))) {
          more = page.length === limit
          if (more) break
          page.push(connection)
        }
        started ||= connection.id === cursor
      }
      const last = page.at(-1)?.id
      return {
        connections: page.map(toConnection),
        count: registry.size,
        ...(more && last !== undefined && { cursor: last }),
      }
    },
  )

  fastify.get(
    '/connections/:id',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'One connection of this node',
        params: ConnectionParams,
        response: { 200: Connection, ...refusals },
      },
    },
    async ({ params: { id } }) => {
      const connection = registry.get(id)
      if (!connection) throw new ParleyError('NOT_FOUND', 'there is no such connection here')
      return toConnection(connection)
    },
  )

  fastify.delete(
    '/connections/:id',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'Close one connection with 4501, whichever node has it',
        params: ConnectionParams,
        response: {
          202: Type.Null({ description: 'It is not of this node; every node was told' }),
          204: Type.Null({ description: 'It was of this node and is closed' }),
          ...refusals,
        },
      },
    },
    async ({ params: { id } }, reply) => {
      const here = registry.get(id) !== undefined
      await fastify.parley.administration.disconnect(id)
      return reply.code(here ? 204 : 202).send(null)
    },
  )
}

export default connections

function toConnection(connection: LiveConnection) {
  const { id, user, identity, endpoint, transport, address, since, received, sent } = connection
  return {
    id,
    user,
    nick: identity.nick,
    endpoint,
    transport: transport.name,
    address,
    since,
    rooms: [...connection.rooms.keys()],
    received,
    sent,
    bytes_in: transport.bytesRead,
    bytes_out: transport.bytesWritten,
    buffered: transport.buffered,
  }
}
