import Type, { type Static, type TSchema } from 'typebox'
import { MAX_PAGE_MEMBERS, MAX_PAGE_MESSAGES } from './limits.js'
import { ActionId, Nick, RoomName, UserId } from './names.js'
import { rule } from './rule.js'

/** `rule` is the second half of the sentence that a `BAD_FIELD` error says about a field. */
const integer = (minimum: number, maximum: number, description: string) =>
  Type.Integer({
    minimum,
    maximum,
    description,
    ...rule(`an integer from ${minimum} to ${maximum}`),
  })

export const Epoch = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of one life of a room’s log; new when the log is lost or erased',
  ...rule('a string of 1 to 64 characters'),
})

export const Offset = integer(
  0,
  Number.MAX_SAFE_INTEGER,
  'Place of a message in its room: 1, 2, 3 …',
)

/** A place in a room's log: everything up to and including `offset` of this `epoch`. */
export const Position = Type.Object(
  { epoch: Epoch, offset: Offset },
  { ...rule('an object {epoch: string, offset: integer}') },
)
export type Position = Static<typeof Position>

const limit = integer(1, MAX_PAGE_MESSAGES, 'How many messages at the most')

/** Any JSON value. That it is one, and not too deep, is checked by the codec. */
const Msg = Type.Unknown({ description: 'Any JSON value', ...rule('a JSON value') })

const action = <N extends string, P extends Record<string, TSchema>>(name: N, fields: P) =>
  Type.Object({ action: Type.Literal(name), ...fields })

/** Every action that a client may send, by name. One JSON object per text message. */
export const ActionSchemas = {
  join: action('join', {
    id: ActionId,
    room: RoomName,
    nick: Type.Optional(Nick),
    since: Type.Optional(Position),
    history: Type.Optional(integer(0, MAX_PAGE_MESSAGES, 'How many recent messages to send')),
  }),
  leave: action('leave', { id: ActionId, room: RoomName }),
  send_to_room: action('send_to_room', { id: ActionId, room: RoomName, msg: Msg }),
  send_to_user: action('send_to_user', { id: ActionId, user: UserId, msg: Msg }),
  signal: action('signal', { id: Type.Optional(ActionId), room: RoomName, msg: Msg }),
  history: action('history', {
    id: ActionId,
    room: RoomName,
    before: Type.Optional(Offset),
    after: Type.Optional(Offset),
    limit: Type.Optional(limit),
  }),
  members: action('members', {
    id: ActionId,
    room: RoomName,
    after: Type.Optional(UserId),
    limit: Type.Optional(integer(1, MAX_PAGE_MEMBERS, 'How many members at the most')),
  }),
  auth: action('auth', {
    id: ActionId,
    token: Type.String({
      minLength: 1,
      maxLength: 8192,
      ...rule('a string of 1 to 8192 characters'),
    }),
  }),
  ping: action('ping', {}),
} as const

export type ActionName = keyof typeof ActionSchemas

/** A validated action of the given name. */
export type ActionOf<N extends ActionName> = Static<(typeof ActionSchemas)[N]>

/** Any validated action. */
export type Action = { [N in ActionName]: ActionOf<N> }[ActionName]

/** An action as the codec hands it on: its payload is checked and is JSON text. */
export type DecodedOf<N extends ActionName> =
  ActionOf<N> extends { msg: unknown } ? Omit<ActionOf<N>, 'msg'> & { msg: string } : ActionOf<N>

/** Any action as the codec hands it on. */
export type DecodedAction = { [N in ActionName]: DecodedOf<N> }[ActionName]

export const ACTION_NAMES = Object.keys(ActionSchemas) as ActionName[]
