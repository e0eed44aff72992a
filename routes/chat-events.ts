import type { Writable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { mayJoin } from '../src/auth/grants.js'
import type { Identity } from '../src/auth/identity.js'
import { systemClock } from '../src/clock.js'
import type { Connection } from '../src/connections/connection.js'
import { EVENT_STREAM } from '../src/connections/event-stream.js'
import { FOLLOW_ID, FollowTransport } from '../src/connections/follow-transport.js'
import { SseTransport } from '../src/connections/sse-transport.js'
import { CLOSE_TIMEOUT } from '../src/drain.js'
import { ParleyError } from '../src/errors.js'
import type { Position } from '../src/protocol/actions.js'
import { CloseCode } from '../src/protocol/close-codes.js'
import { MAX_PAGE_MESSAGES } from '../src/protocol/limits.js'
import { RoomName } from '../src/protocol/names.js'
import { quietLevel } from './log-level.js'
import { refusals } from './schemas.js'

const Query = Type.Object({
  room: Type.Optional(RoomName),
  history: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_PAGE_MESSAGES,
      description: 'With `room`: how many recent messages to begin with',
    }),
  ),
  ticket: Type.Optional(Type.String({ maxLength: 128, description: 'From `POST /tickets`' })),
})

const Headers = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ description: 'With `room`: `id` of the last event that this client was sent' }),
  ),
})

const description = `For clients to which WebSockets are closed: every event of the protocol is the \`data\` of one
Server-Sent Event; what the client has to say goes to \`POST /chat/actions\`. The last event, \`close\`, holds the
close code and reason.

With \`room\` the server joins that room and nothing can be posted: each message comes as an event with its position
as \`id\`, so that an \`EventSource\` that comes back with \`Last-Event-ID\` misses nothing.`

const ID = /^([\x21-\x7e]{1,64})\/(\d{1,15})$/

/** `GET /chat/events`: the events of `/chat` as a stream. */
const chatEvents: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley } = fastify

  fastify.get(
    '/chat/events',
    {
      onRequest: fastify.admit,
      exposeHeadRoute: false,
      config: { opensConnection: true },
      logLevel: quietLevel(fastify.log),
      schema: {
        tags: ['Streams'],
        summary: 'The events of `/chat` as Server-Sent Events',
        description,
        querystring: Query,
        headers: Headers,
        produces: [EVENT_STREAM],
        response: {
          200: Type.String({ description: 'Events, until the connection closes' }),
          ...refusals,
        },
      },
    },
    (request, reply) => {
      const { room, history } = request.query
      const identity = request.identity as Identity
      if (room !== undefined && !mayJoin(identity, room)) {
        throw new ParleyError('FORBIDDEN', 'the token does not grant joining this room')
      }
      const out = startStream(reply)
      if (out.destroyed) return
      const options = { clock: systemClock, closeTimeout: CLOSE_TIMEOUT }
      const refused = () => connection.close(CloseCode.tryAgainLater, 'The room cannot be joined')
      const connection: Connection = parley.open({
        id: parley.posts.id(),
        endpoint: 'chat',
        identity,
        address: request.ip,
        request: request.id,
        transport:
          room === undefined
            ? new SseTransport(out, options)
            : new FollowTransport(out, { ...options, refused }),
      })
      out.on('close', () => parley.closed(connection, NO_CODE))
      if (room === undefined) return
      const since = lastPosition(request.headers['last-event-id'])
      const join = { action: 'join', id: FOLLOW_ID, room, history, since }
      parley.receive(connection, JSON.stringify(join))
    },
  )
}

export default chatEvents

/** The peer has no way to say with which code it closes. */
const NO_CODE = 1005

/** What a client was sent last, as it says itself when it comes back. */
function lastPosition(id: string | undefined): Position | undefined {
  const [, epoch, offset] = ID.exec(id ?? '') ?? []
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) }
}

/** Takes the response out of Fastify's hands and sends its headers. */
function startStream(reply: FastifyReply): Writable {
  const raw = reply.raw as typeof reply.raw & { readonly stream?: Writable }
  if (!raw.socket && !raw.destroyed && !raw.stream) {
    throw new ParleyError('BAD_FIELD', 'a stream must not be asked for behind another request')
  }
  reply.hijack()
  // The end of the connection is the end of the body: chunks would make each write dearer, and
  // keep it from being the one buffer that all members share.
  if (!raw.stream) raw.setHeader('connection', 'close').removeHeader('transfer-encoding')
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': EVENT_STREAM,
    'cache-control': 'no-cache, no-transform',
    // nginx would hold events back otherwise.
    'x-accel-buffering': 'no',
  })
  raw.flushHeaders()
  return raw.stream ?? raw
}
