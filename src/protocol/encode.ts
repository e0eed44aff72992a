import type { Direct, Joined, Left, ServerEvent, Signal } from './events.js'
import { quote } from './quote.js'
import type { SendToRoomResult } from './results.js'

/**
 * Server events as JSON text. The ones on the hot path are built around the payload's own text,
 * so that a payload is turned into JSON once, however often it is stored and delivered.
 */

/** Fields of a `message` event; `msg` is the payload's JSON text. */
export interface MessageFields {
  readonly room: string
  readonly offset: number
  readonly id: string
  readonly user: string
  readonly nick: string
  readonly msg: string
  /** `false`: not to be compressed on any connection. */
  readonly compress?: boolean | undefined
  readonly time: number
}

const MESSAGE_HEAD = '{"event":"message",'

/** The `message` event: the text that the log keeps and that members get. */
export function encodeMessage(m: MessageFields): string {
  const { head, tail } = messageParts(m)
  return `${head}${m.offset}${tail}${m.time}}`
}

/**
 * The `message` event without what only the log knows. The event is
 * `${head}${offset}${tail}${time}}`.
 */
export function messageParts(m: Omit<MessageFields, 'offset' | 'time'>) {
  return {
    head: `${MESSAGE_HEAD}"room":${quote(m.room)},"offset":`,
    tail: `,"id":${quote(m.id)},"user":${quote(m.user)},"nick":${quote(m.nick)},"msg":${m.msg}${
      m.compress === false ? ',"compress":false' : ''
    },"time":`,
  }
}

/** The same event with the epoch in it: the first one that a member gets of a new epoch. */
export function withEpoch(messageJson: string, epoch: string): string {
  return `${MESSAGE_HEAD}"epoch":${quote(epoch)},${messageJson.slice(MESSAGE_HEAD.length)}`
}

type Raw<E extends { msg: unknown }> = Omit<E, 'event' | 'msg' | 'compress'> & {
  readonly msg: string
  readonly compress?: boolean | undefined
}

/** The `signal` event; `msg` is JSON text. */
export function encodeSignal(s: Raw<Signal>): string {
  return `{"event":"signal","room":${quote(s.room)},"user":${quote(s.user)},"nick":${quote(s.nick)},"msg":${s.msg}}`
}

/** The `direct` event; `msg` is JSON text. */
export function encodeDirect(d: Raw<Direct>): string {
  return `{"event":"direct","user":${quote(d.user)},"nick":${quote(d.nick)},"msg":${d.msg}${d.compress === false ? ',"compress":false' : ''},"time":${d.time}}`
}

/** The `ok` event: `id` and the action's result. */
export function encodeOk(id: string, result: object): string {
  const rest = JSON.stringify(result)
  const head = `{"event":"ok","id":${quote(id)}`
  return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`
}

/** The `ok` to a `send_to_room`: where the message stands. */
export function encodeSent(
  id: string,
  room: string,
  { offset, epoch, time, duplicate }: Omit<SendToRoomResult, 'room'>,
): string {
  const head = `{"event":"ok","id":${quote(id)},"room":${quote(room)}`
  const place = `,"offset":${offset},"epoch":${quote(epoch)},"time":${time}`
  return duplicate ? `${head}${place},"duplicate":true}` : `${head}${place}}`
}

/** An `ok` whose result holds stored messages, which are JSON text already. */
export function encodeOkWithMessages(
  id: string,
  result: object,
  messages: readonly { readonly json: string }[],
): string {
  const list = messages.map((message) => message.json).join(',')
  return `${encodeOk(id, result).slice(0, -1)},"messages":[${list}]}`
}

/** Any event that needs no special way. */
export function encodeEvent(
  event: Exclude<ServerEvent, { event: 'message' | 'ok' }> | Joined | Left,
): string {
  return JSON.stringify(event)
}
