import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { mayJoin } from '../../src/auth/grants.js'
import type { Identity } from '../../src/auth/identity.js'
import type { RoomInfo } from '../../src/broker/broker.js'
import { ParleyError } from '../../src/errors.js'
import { RoomName } from '../../src/protocol/names.js'
import { Page, Room, RoomParams, refusals } from '../schemas.js'

/** Most rooms looked at for one page, when the token opens only few of them. */
const MAX_SCANNED = 10_000

const RoomsQuery = Type.Object({ ...Page.properties, prefix: Type.Optional(RoomName) })

/** `GET /rooms`, `GET /rooms/:room`. */
const rooms: FastifyPluginAsyncTypebox = async (fastify) => {
  const { broker } = fastify

  fastify.get(
    '/rooms',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Rooms'],
        summary: 'Rooms that the caller may join',
        querystring: RoomsQuery,
        response: {
          200: Type.Object({
            rooms: Type.Array(Room),
            cursor: Type.Optional(Type.String({ description: 'Pass it for the next page' })),
          }),
          ...refusals,
        },
      },
    },
    async ({ query: { prefix, limit, cursor }, identity }) => {
      const found: RoomInfo[] = []
      let after = cursor
      let scanned = 0
      let more = true
      while (found.length < limit && more && scanned < MAX_SCANNED) {
        const page = await broker.rooms({
          limit: limit - found.length,
          ...(prefix !== undefined && { prefix }),
          ...(after !== undefined && { after }),
        })
        found.push(...page.rooms.filter(({ room }) => mayJoin(identity as Identity, room)))
        after = page.rooms.at(-1)?.room ?? after
        scanned += page.rooms.length
        more = page.more && page.rooms.length > 0
      }
      return { rooms: found.map(toRoom), ...(more && after !== undefined && { cursor: after }) }
    },
  )

  fastify.get(
    '/rooms/:room',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Rooms'],
        summary: 'One room',
        params: RoomParams,
        response: { 200: Room, ...refusals },
      },
    },
    async ({ params: { room }, identity }) => {
      requireGrant(identity, room)
      const info = await broker.room(room)
      if (!info) throw new ParleyError('NOT_FOUND', 'the room has neither messages nor members')
      return toRoom(info)
    },
  )
}

export default rooms

/** @throws {ParleyError} `FORBIDDEN` unless the token grants reading this room. */
export function requireGrant(identity: Identity | null, room: string): Identity {
  if (!identity || !mayJoin(identity, room)) {
    throw new ParleyError('FORBIDDEN', 'the token does not grant this room')
  }
  return identity
}

function toRoom({ room, lastMessage, ...info }: RoomInfo) {
  return { name: room, ...info, last_message: lastMessage ?? null }
}
