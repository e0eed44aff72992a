import Type from 'typebox'
import { ParleyError } from '../src/errors.js'
import { Epoch, Offset } from '../src/protocol/actions.js'
import { jsonProblem } from '../src/protocol/codec.js'
import { MAX_PAGE_MEMBERS, MAX_PAGE_MESSAGES } from '../src/protocol/limits.js'
import { Nick, RoomName, UserId } from '../src/protocol/names.js'

/** Schemas that several routes share. */

const Count = Type.Integer({ minimum: 0 })
const Time = Type.Integer({ description: 'Milliseconds since 1970' })

export const ErrorBody = Type.Object(
  {
    statusCode: Type.Integer(),
    code: Type.String({ description: 'Stable code; see docs/errors.md' }),
    error: Type.String(),
    message: Type.String(),
  },
  { description: 'Error in Fastify’s shape' },
)

/** Responses that every route with a token may give. */
export const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }

/** A response without a body. */
export const Empty = Type.Null({ description: 'Done; no body' })

/** What is sent to a room, a user or everyone. */
export const Sending = Type.Object({
  msg: Type.Unknown({ description: 'Any JSON value' }),
  nick: Type.Optional(Nick),
  compress: Type.Optional(
    Type.Boolean({ description: 'false: not to be compressed on any connection. Default: true' }),
  ),
})

/**
 * A payload as the JSON text that is stored and delivered.
 * @throws {ParleyError} `BAD_FIELD` when it cannot be sent on unchanged.
 */
export function jsonText(msg: unknown): string {
  const problem = jsonProblem(msg)
  if (problem !== undefined) throw new ParleyError('BAD_FIELD', `"msg" ${problem}`)
  return JSON.stringify(msg)
}

export const RoomParams = Type.Object({ room: RoomName })

export const Room = Type.Object({
  name: RoomName,
  members: Count,
  epoch: Epoch,
  offset: Offset,
  first: Type.Integer({ minimum: 0, description: 'Oldest offset still kept' }),
  last_message: Type.Union([Time, Type.Null()], { description: 'Time of the newest message' }),
})

export const Page = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_MEMBERS, default: 100 }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
})

export const MessagesQuery = Type.Object({
  after: Type.Optional(Offset),
  before: Type.Optional(Offset),
  limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_MESSAGES, default: 100 }),
})

export const Connection = Type.Object({
  id: Type.String(),
  node: Type.String({ description: 'Name of the node that has it' }),
  user: UserId,
  nick: Type.String(),
  endpoint: Type.Enum(['echo', 'chat']),
  transport: Type.String(),
  address: Type.String(),
  since: Time,
  rooms: Type.Array(RoomName),
  received: Count,
  sent: Count,
  bytes_in: Count,
  bytes_out: Count,
  buffered: Count,
})

const Buckets = Type.Array(Count, {
  description: 'How many took up to each of `bounds`; the last took longer',
})

/** Upper bounds of what `append` and `delivery` count. */
export const bounds = Type.Array(Type.Number(), { description: 'Milliseconds' })

export const NodeSummary = Type.Object({
  node: Type.String({ description: 'Its name' }),
  instance: Type.String({ description: 'Machine and process' }),
  version: Type.String(),
  since: Time,
  time: Time,
  draining: Type.Boolean(),
  ok: Type.Boolean({ description: 'Whether it can store messages' }),
  connections: Count,
  users: Count,
  rooms: Type.Integer({ minimum: 0, description: 'Rooms with members on it' }),
  received: Count,
  sent: Count,
  bytes_in: Count,
  bytes_out: Count,
  buffered: Count,
  refused: Count,
  append: Buckets,
  delivery: Buckets,
})
