import type { ErrorEvent, Ok } from '../src/protocol/events.js'
import { type Clock, randomId } from './clock.js'
import { ParleyError } from './errors.js'
import type { SocketLike } from './socket.js'
import { parseResult, type RequestName, type RequestOf, type ResultOf } from './wire.js'

/** What is worth nothing later is not sent while this many bytes wait. */
const CONGESTED = 1 << 18

/** Gets either an error or the result. */
export type Reply<Name extends RequestName> = (
  error: ParleyError | undefined,
  result?: ResultOf<Name>,
) => void

interface Request {
  readonly action: RequestName
  readonly sentAt: number
  readonly reply: Reply<never>
}

/** What goes over one connection after the welcome: actions, and the answers to them. */
export interface Channel {
  /** Sends an action that gets one answer: `reply` is called once. */
  request<Name extends RequestName>(
    action: Name,
    fields: RequestOf<Name>,
    reply: Reply<Name>,
    id?: string,
  ): void
  /** Sends an action. Returns an error for one over which the server would close the connection. */
  send(action: object): ParleyError | undefined
  /** Sends an action that is worth nothing later. Returns whether it was sent. */
  sendNow(action: object): boolean
  /** When the oldest request without an answer was sent, monotonic milliseconds. */
  oldest(): number | undefined
  /** Hands an answer to its request. Throws `BAD_EVENT` when the result is none. */
  settle(event: Ok | ErrorEvent): void
  /** Answers every request with an error. */
  abort(error: ParleyError): void
}

/** @param maxBytes longest action, as the welcome says; 0 = no limit */
export function openChannel(socket: SocketLike, maxBytes: number, clock: Clock): Channel {
  const waiting = new Map<string, Request>()

  function send(action: object): ParleyError | undefined {
    const text = JSON.stringify(action)
    // UTF-8 takes at most three bytes for a UTF-16 unit: most texts need not be encoded to know.
    if (maxBytes && text.length * 3 > maxBytes && byteLength(text) > maxBytes) {
      return new ParleyError('TOO_LARGE', `At most ${maxBytes} bytes`)
    }
    socket.send(text)
    return undefined
  }

  return {
    send,
    sendNow: (action) => socket.bufferedAmount < CONGESTED && !send(action),
    request(action, fields, reply, id = randomId()) {
      const error = send({ action, id, ...fields })
      if (error) reply(error)
      else waiting.set(id, { action, sentAt: clock.monotonic(), reply })
    },
    oldest: () => waiting.values().next().value?.sentAt,
    settle(event) {
      const id = event.id as string
      const request = waiting.get(id)
      if (!request) return
      const result = event.event === 'ok' && parseResult(request.action, event)
      waiting.delete(id)
      if (result) request.reply(undefined, result as never)
      else request.reply(errorOf(event as ErrorEvent))
    },
    abort(error) {
      for (const { reply } of waiting.values()) reply(error)
    },
  }
}

const byteLength = (text: string) => new TextEncoder().encode(text).length

/** The server's `error` event as an error to throw. */
export const errorOf = ({ code, message, retry_after }: ErrorEvent) =>
  new ParleyError(code, message, retry_after)
