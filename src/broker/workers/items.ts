import type { Position } from '../../protocol/actions.js'
import type { BrokerHealth, Command, DirectMessage, PresenceChange, RoomSignal } from '../broker.js'

/** What goes over a link, both ways; the first element says which kind it is. */
export type Item = FromWorker | FromOwner

/** Calls that go to the owner's broker as they are. */
export const PLAIN_CALLS = [
  'members',
  'rooms',
  'room',
  'erase',
  'command',
  'remember',
  'take',
  'remembered',
  'count',
] as const
export type PlainCall = (typeof PLAIN_CALLS)[number]

/** Calls of which the owner has to know whose they are. */
export type OwnCall =
  | 'append'
  | 'read'
  | 'subscribe'
  | 'unsubscribe'
  | 'enter'
  | 'leave'
  | 'signal'
  | 'sendToUser'
  | 'ask'

export type CallName = PlainCall | OwnCall

export type FromWorker =
  /** The first item: the worker's name among the nodes. */
  | readonly [kind: 'hello', node: string]
  /** A call; the number comes back with its result. The text: a payload, or a question. */
  | readonly [kind: 'call', number: number, name: CallName, args: readonly unknown[]]
  /** To how many connections of the worker a direct message was handed. */
  | readonly [kind: 'handed', number: number, count: number]
  /** The text is the answer to a question, if there is one. */
  | readonly [kind: 'answer', number: number, answered: boolean]

export type FromOwner =
  /** The text: an answer, or the JSON of a page's messages, one after the other. */
  | readonly [kind: 'ok', number: number, result: unknown]
  | readonly [kind: 'failed', number: number, error: CallError]
  /** The text is the message's JSON. */
  | readonly [kind: 'message', room: string, epoch: string, offset: number, time: number]
  | readonly [kind: 'reset', room: string, position: Position]
  | readonly [kind: 'presence', room: string, change: PresenceChange]
  | readonly [kind: 'signal', room: string, signal: RoomSignal]
  | readonly [kind: 'direct', number: number, user: string, message: DirectMessage]
  | readonly [kind: 'command', command: Command]
  /** The text is the question of another worker. */
  | readonly [kind: 'question', number: number]
  /** Comes every second, and says whether the log works. */
  | readonly [kind: 'beat', health: BrokerHealth]

/** Why a call failed. */
export interface CallError {
  readonly name: string
  readonly message: string
  /** Of a `StoreUnavailable`, milliseconds. */
  readonly retryAfter?: number
}
