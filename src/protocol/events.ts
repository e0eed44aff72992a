import Type, { type Static } from 'typebox'
import { Epoch, Offset } from './actions.js'
import { ERROR_CODES } from './error-codes.js'
import { ActionId, Nick, RoomName, UserId } from './names.js'

const Milliseconds = Type.Integer({ minimum: 0 })
const Time = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970, server clock' })
const Count = Type.Integer({ minimum: 0 })
const Msg = Type.Unknown({ description: 'Any JSON value' })

/** Someone in a room. A user with several connections is one member. */
export const Member = Type.Object({ user: UserId, nick: Nick })
export type Member = Static<typeof Member>

/** A stored message, as live members, pages and REST all see it. */
export const Message = Type.Object({
  event: Type.Literal('message'),
  room: RoomName,
  offset: Offset,
  epoch: Type.Optional(Epoch),
  id: ActionId,
  user: UserId,
  nick: Nick,
  msg: Msg,
  compress: Type.Optional(
    Type.Literal(false, { description: 'It was sent so that it is not compressed' }),
  ),
  time: Time,
})
export type Message = Static<typeof Message>

/** Limits that an operator may set, as the client is told them. 0 = no limit. */
export const Limits = Type.Object({
  message_bytes: Type.Integer({ description: 'Largest message from the client, bytes' }),
  rooms: Type.Integer({ description: 'Rooms that one connection may be in' }),
  messages_per_second: Type.Number({ description: 'Actions a second, sustained' }),
  burst: Type.Integer({ description: 'Actions at once' }),
})
export type Limits = Static<typeof Limits>

export const Welcome = Type.Object({
  event: Type.Literal('welcome'),
  connection: Type.String({ description: 'Id of this connection' }),
  user: UserId,
  nick: Nick,
  version: Type.Integer({ description: 'Protocol version' }),
  heartbeat: Type.Integer({ description: 'Heartbeat interval in milliseconds; 0 = none' }),
  expires: Type.Integer({ description: 'When the token expires, milliseconds since 1970' }),
  limits: Limits,
})
export type Welcome = Static<typeof Welcome>

/** Reply to an action that succeeded: `id` and the action's result. */
export const Ok = Type.Object({ event: Type.Literal('ok'), id: ActionId })
export type Ok = Static<typeof Ok>

export const ErrorEvent = Type.Object({
  event: Type.Literal('error'),
  id: Type.Optional(ActionId),
  code: Type.Enum([...ERROR_CODES]),
  message: Type.String(),
  retry_after: Type.Optional(Milliseconds),
})
export type ErrorEvent = Static<typeof ErrorEvent>

export const Signal = Type.Object({
  event: Type.Literal('signal'),
  room: RoomName,
  user: UserId,
  nick: Nick,
  msg: Msg,
})
export type Signal = Static<typeof Signal>

export const Direct = Type.Object({
  event: Type.Literal('direct'),
  user: UserId,
  nick: Nick,
  msg: Msg,
  compress: Type.Optional(
    Type.Literal(false, { description: 'It was sent so that it is not compressed' }),
  ),
  time: Time,
})
export type Direct = Static<typeof Direct>

const presence = { room: RoomName, user: UserId, nick: Nick, members: Count }

export const Joined = Type.Object({ event: Type.Literal('joined'), ...presence })
export type Joined = Static<typeof Joined>

export const Left = Type.Object({
  event: Type.Literal('left'),
  ...presence,
  removed: Type.Optional(
    Type.Boolean({ description: 'It is this connection that was taken out of the room' }),
  ),
})
export type Left = Static<typeof Left>

/** The room's log was lost or erased: positions of the old epoch mean nothing any more. */
export const Reset = Type.Object({
  event: Type.Literal('reset'),
  room: RoomName,
  epoch: Epoch,
  offset: Offset,
})
export type Reset = Static<typeof Reset>

/** The server is about to close this connection. */
export const Closing = Type.Object({
  event: Type.Literal('closing'),
  code: Type.Integer(),
  reason: Type.String(),
  reconnect_after: Milliseconds,
})
export type Closing = Static<typeof Closing>

export const Pong = Type.Object({ event: Type.Literal('pong') })
export type Pong = Static<typeof Pong>

/** Every event that the server may send, by name. */
export const EventSchemas = {
  welcome: Welcome,
  ok: Ok,
  error: ErrorEvent,
  message: Message,
  signal: Signal,
  direct: Direct,
  joined: Joined,
  left: Left,
  reset: Reset,
  closing: Closing,
  pong: Pong,
} as const

export type ServerEvent =
  | Welcome
  | Ok
  | ErrorEvent
  | Message
  | Signal
  | Direct
  | Joined
  | Left
  | Reset
  | Closing
  | Pong
