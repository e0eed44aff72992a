import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ParleyError } from '../../src/errors.js'
import type { ListPlace } from '../../src/nodes/nodes.js'
import { RoomName, UserId } from '../../src/protocol/names.js'
import { Connection, Page, refusals } from '../schemas.js'

const ConnectionsQuery = Type.Object({
  ...Page.properties,
  user: Type.Optional(UserId),
  room: Type.Optional(RoomName),
})

const ConnectionParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

/** `GET /connections`, `GET` and `DELETE /connections/:id`: those of all nodes, for administrators. */
const connections: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley, connections: registry } = fastify

  fastify.get(
    '/connections',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'Open connections of all nodes, node by node, oldest first',
        querystring: ConnectionsQuery,
        response: {
          200: Type.Object({
            connections: Type.Array(Connection),
            count: Type.Integer({ minimum: 0, description: 'Open connections of all nodes' }),
            cursor: Type.Optional(Type.String({ description: 'Pass it for the next page' })),
          }),
          ...refusals,
        },
      },
    },
    async ({ query: { user, room, limit, cursor } }) => {
      const query = {
        limit,
        ...(user !== undefined && { user }),
        ...(room !== undefined && { room }),
      }
      const page = await parley.nodes.connections(
        query,
        cursor === undefined ? cursor : parse(cursor),
      )
      const { connections, count, next } = page
      return { connections, count, ...(next && { cursor: print(next) }) }
    },
  )

  fastify.get(
    '/connections/:id',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Administration'],
        summary: 'One connection, whichever node has it',
        params: ConnectionParams,
        response: { 200: Connection, ...refusals },
      },
    },
    async ({ params: { id } }) => {
      const connection = await parley.nodes.connection(id)
      if (!connection) throw new ParleyError('NOT_FOUND', 'there is no such connection')
      return connection
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
      await parley.administration.disconnect(id)
      return reply.code(here ? 204 : 202).send(null)
    },
  )
}

export default connections

const CURSOR = /^([\w-]{1,64})~(\d{1,16})~([\w.-]{1,64})$/

/** The connection that a page ended with. */
function print({ node, since, id }: ListPlace): string {
  return `${node}~${since}~${id}`
}

/** @throws {ParleyError} `BAD_FIELD` */
function parse(cursor: string): ListPlace {
  const [, node, since, id] = CURSOR.exec(cursor) ?? []
  if (!node || !id) throw new ParleyError('BAD_FIELD', 'cursor is not one that was given out')
  return { node, since: Number(since), id }
}
