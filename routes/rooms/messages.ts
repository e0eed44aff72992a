import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { maySend } from '../../src/auth/grants.js'
import type { Identity } from '../../src/auth/identity.js'
import { systemClock } from '../../src/clock.js'
import { ParleyError } from '../../src/errors.js'
import { Epoch, Offset, Position } from '../../src/protocol/actions.js'
import { Message } from '../../src/protocol/events.js'
import { ActionId, RoomName } from '../../src/protocol/names.js'
import { pageLength } from '../../src/rooms/page-length.js'
import { jsonText, MessagesQuery, RoomParams, refusals, Sending } from '../schemas.js'
import { requireGrant } from './index.js'

const Stored = Type.Object({
  room: RoomName,
  id: ActionId,
  offset: Offset,
  epoch: Epoch,
  time: Type.Integer({ description: 'When it was stored, milliseconds since 1970' }),
  duplicate: Type.Boolean({ description: 'This Idempotency-Key was stored before' }),
})

/** `GET`, `POST` and `DELETE /rooms/:room/messages`. */
const messages: FastifyPluginAsyncTypebox = async (fastify) => {
  const { broker, parley } = fastify

  fastify.get(
    '/rooms/:room/messages',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Rooms'],
        summary: 'Stored messages, oldest first: after an offset, before one, or the newest',
        params: RoomParams,
        querystring: MessagesQuery,
        response: {
          200: Type.Object({
            room: RoomName,
            epoch: Epoch,
            offset: Offset,
            first: Type.Integer({ minimum: 0 }),
            messages: Type.Array(Type.Omit(Message, ['event', 'epoch'])),
            more: Type.Boolean(),
          }),
          ...refusals,
        },
      },
    },
    async ({ params: { room }, query, identity }) => {
      requireGrant(identity, room)
      const page = await broker.read(room, { ...query, maxLength: pageLength(parley.config) })
      const { epoch, offset, first, more } = page
      return { room, epoch, offset, first, more, messages: page.messages.map(toMessage) }
    },
  )

  fastify.post(
    '/rooms/:room/messages',
    {
      onRequest: fastify.requireToken,
      schema: {
        tags: ['Rooms'],
        summary: 'Send to a room without a connection',
        params: RoomParams,
        headers: Type.Object({ 'idempotency-key': Type.Optional(ActionId) }),
        body: Sending,
        response: { 200: Stored, 201: Stored, ...refusals },
      },
    },
    async (request, reply) => {
      const { room } = request.params
      const identity = request.identity as Identity
      if (!maySend(identity, room)) {
        throw new ParleyError('FORBIDDEN', 'the token does not grant sending to this room')
      }
      const { msg, nick = identity.nick, compress } = request.body
      const id = request.headers['idempotency-key'] ?? systemClock.id()
      const message = { id, user: identity.user, nick, msg: jsonText(msg), compress }
      const stored = await parley.publish(room, message)
      return reply.code(stored.duplicate ? 200 : 201).send({ room, id, ...stored })
    },
  )

  fastify.delete(
    '/rooms/:room/messages',
    {
      onRequest: fastify.requireScope('admin'),
      schema: {
        tags: ['Rooms'],
        summary: 'Erase a room’s messages for good',
        description: 'The log gets a new epoch; members are told with a `reset` event.',
        params: RoomParams,
        response: { 200: Position, ...refusals },
      },
    },
    async ({ params: { room } }) => broker.erase(room),
  )
}

export default messages

function toMessage({ json }: { json: string }): Message {
  return JSON.parse(json)
}
