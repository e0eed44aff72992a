import Type, { type Static } from 'typebox'
import { Epoch, Offset } from './actions.js'
import { Member, Message } from './events.js'
import { RoomName } from './names.js'

/**
 * What an `ok` carries beside `event` and `id`, by action.
 */

/** `join`: the position from which live messages follow, and the messages up to it. */
export const JoinResult = Type.Object({
  room: RoomName,
  epoch: Epoch,
  offset: Type.Integer({
    minimum: 0,
    description: 'Offset of the last message in this reply: the next one is offset + 1',
  }),
  recovered: Type.Boolean({
    description:
      'Every message after `since` follows: here, and live where more than a page is missing',
  }),
  first: Type.Integer({
    minimum: 0,
    description: 'Oldest offset still kept; offset + 1 when nothing is',
  }),
  messages: Type.Array(Message),
  members: Type.Array(Member, { description: 'The first 100 members; `members` lists them all' }),
  count: Type.Integer({ minimum: 0, description: 'How many members there are' }),
})
export type JoinResult = Static<typeof JoinResult>

export const LeaveResult = Type.Object({ room: RoomName })
export type LeaveResult = Static<typeof LeaveResult>

export const SendToRoomResult = Type.Object({
  room: RoomName,
  offset: Offset,
  epoch: Epoch,
  time: Type.Integer({ description: 'When it was stored, milliseconds since 1970, server clock' }),
  duplicate: Type.Optional(Type.Boolean({ description: 'This id was stored before' })),
})
export type SendToRoomResult = Static<typeof SendToRoomResult>

export const SendToUserResult = Type.Object({
  connections: Type.Integer({ minimum: 0, description: 'Live connections it was sent to' }),
})
export type SendToUserResult = Static<typeof SendToUserResult>

export const SignalResult = Type.Object({ room: RoomName })
export type SignalResult = Static<typeof SignalResult>

/** A page of stored messages, oldest first. */
export const HistoryResult = Type.Object({
  room: RoomName,
  epoch: Epoch,
  offset: Type.Integer({ minimum: 0, description: 'Offset of the newest message of the room' }),
  first: Type.Integer({
    minimum: 0,
    description: 'Oldest offset still kept; offset + 1 when nothing is',
  }),
  messages: Type.Array(Message),
  more: Type.Boolean({ description: 'The page ends before the log does, in its direction' }),
})
export type HistoryResult = Static<typeof HistoryResult>

/** A page of members in the order of their user ids. */
export const MembersResult = Type.Object({
  room: RoomName,
  members: Type.Array(Member),
  count: Type.Integer({ minimum: 0 }),
  more: Type.Boolean(),
})
export type MembersResult = Static<typeof MembersResult>

export const AuthResult = Type.Object({ expires: Type.Integer() })
export type AuthResult = Static<typeof AuthResult>

export const ResultSchemas = {
  join: JoinResult,
  leave: LeaveResult,
  send_to_room: SendToRoomResult,
  send_to_user: SendToUserResult,
  signal: SignalResult,
  history: HistoryResult,
  members: MembersResult,
  auth: AuthResult,
} as const
