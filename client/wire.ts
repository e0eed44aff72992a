import type { Action } from '../src/protocol/actions.js'
import type { ServerEvent } from '../src/protocol/events.js'
import type {
  AuthResult,
  HistoryResult,
  JoinResult,
  LeaveResult,
  MembersResult,
  SendToRoomResult,
  SendToUserResult,
  SignalResult,
} from '../src/protocol/results.js'
import { ParleyError } from './errors.js'

/**
 * The client's own check of what a server sends. The protocol's schemas say the same and more,
 * but need a validator that is larger than this whole library.
 */

interface Results {
  join: JoinResult
  leave: LeaveResult
  send_to_room: SendToRoomResult
  send_to_user: SendToUserResult
  signal: SignalResult
  history: HistoryResult
  members: MembersResult
  auth: AuthResult
}

/** Actions that are answered. */
export type RequestName = keyof Results
/** What the `ok` to an action carries. */
export type ResultOf<Name extends RequestName> = Results[Name]
/** An action with an answer, without its id. */
export type RequestOf<Name extends RequestName> = Omit<
  Extract<Action, { action: Name }>,
  'action' | 'id'
>

/**
 * The required fields of each event: strings, counts (integers ≥ 0, marked `#`) and arrays (`[]`).
 * `test/client/wire.test.ts` compares them with the protocol's schemas.
 */
const EVENTS: { readonly [Name in ServerEvent['event']]: string } = {
  welcome: 'connection user nick version# heartbeat# expires#',
  ok: 'id',
  error: 'code message',
  message: 'room id user nick offset# time#',
  signal: 'room user nick',
  direct: 'user nick time#',
  joined: 'room user nick members#',
  left: 'room user nick members#',
  reset: 'room epoch offset#',
  closing: 'reason code# reconnect_after#',
  pong: 'event',
}

const RESULTS: { readonly [Name in RequestName]: string } = {
  join: 'room epoch offset# first# count# messages[] members[]',
  leave: 'room',
  send_to_room: 'room epoch offset# time#',
  send_to_user: 'connections#',
  signal: 'room',
  history: 'room epoch offset# first# messages[]',
  members: 'room count# members[]',
  auth: 'expires#',
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

/** Throws `BAD_EVENT` unless `value` is an object with all `fields`. */
function check(value: unknown, fields: string): void {
  for (const field of fields.split(' ')) {
    const [name = '', mark] = field.split(/(?=\W)/)
    const part = Object(value)[name]
    const fits = mark
      ? mark === '#'
        ? isCount(part)
        : Array.isArray(part)
      : typeof part === 'string'
    if (!fits) throw bad(`"${name}" is wrong`)
  }
}

const bad = (what: string) => new ParleyError('BAD_EVENT', `Not of the protocol: ${what}`)

/** Turns what came from the socket into an event. Throws `BAD_EVENT` when it is none. */
export function parseEvent(data: unknown): ServerEvent {
  let value: unknown
  try {
    value = JSON.parse(data as string)
  } catch {
    throw bad('no JSON')
  }
  const name = Object(value).event as ServerEvent['event']
  if (!Object.hasOwn(EVENTS, name)) throw bad('unknown event')
  check(value, EVENTS[name])
  return value as ServerEvent
}

/** Checks the result in an `ok`, the messages in it too. Throws `BAD_EVENT`. */
export function parseResult<Name extends RequestName>(action: Name, ok: object): ResultOf<Name> {
  check(ok, RESULTS[action])
  const { messages = [], members = [] } = ok as { messages?: unknown[]; members?: unknown[] }
  for (const message of messages) check(message, EVENTS.message)
  for (const member of members) check(member, 'user nick')
  return ok as ResultOf<Name>
}
