import type { ErrorEvent, Ok } from '../src/protocol/events.js'
import { type Clock, randomId } from './clock.js'
import { type ClientErrorCode, ParleyError } from './errors.js'
import type { Socket } from './socket.js'
import { parseResult, type RequestName, type RequestOf, type ResultOf } from './wire.js'

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
export class Channel {
  readonly #socket: Socket
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #waiting = new Map<string, Request>()

  /** `maxBytes` as the welcome says; 0 = no limit. */
  constructor(socket: Socket, maxBytes: number, clock: Clock) {
    this.#socket = socket
    this.#maxBytes = maxBytes || Number.POSITIVE_INFINITY
    this.#clock = clock
  }

  /** When the oldest request without an answer was sent, monotonic milliseconds. */
  get oldest(): number | undefined {
    return this.#waiting.values().next().value?.sentAt
  }

  /** Sends an action that gets one answer: `reply` is called once. */
  request<Name extends RequestName>(
    action: Name,
    fields: RequestOf<Name>,
    reply: Reply<Name>,
    id = randomId(),
  ): void {
    const error = this.send({ action, id, ...fields })
    if (error) reply(error)
    else this.#waiting.set(id, { action, sentAt: this.#clock.monotonic(), reply })
  }

  /** Sends an action. Returns an error for one over which the server would close the connection. */
  send(action: object): ParleyError | undefined {
    const text = JSON.stringify(action)
    // UTF-8 takes at most three bytes for a UTF-16 unit: most texts need not be encoded to know.
    if (text.length * 3 > this.#maxBytes && byteLength(text) > this.#maxBytes) {
      return new ParleyError('TOO_LARGE', `At most ${this.#maxBytes} bytes`)
    }
    this.#socket.send(text)
    return undefined
  }

  /** Sends an action that is worth nothing later. Returns whether it was sent. */
  sendNow(action: object): boolean {
    return !this.#socket.congested && !this.send(action)
  }

  /** Hands an answer to its request. Throws `BAD_EVENT` when the result is none. */
  settle(event: Ok | ErrorEvent): void {
    const request = this.#waiting.get(event.id as string)
    if (request === undefined) return
    const result = event.event === 'ok' && parseResult(request.action, event)
    this.#waiting.delete(event.id as string)
    if (result) request.reply(undefined, result as never)
    else request.reply(errorOf(event as ErrorEvent))
  }

  /** Answers every request with an error. */
  abort(error: ParleyError): void {
    for (const { reply } of this.#waiting.values()) reply(error)
  }
}

const byteLength = (text: string) => new TextEncoder().encode(text).length

/** The server's `error` event as an error to throw. */
export function errorOf({ code, message, retry_after }: ErrorEvent): ParleyError {
  const retryAfter = Number.isFinite(retry_after) ? retry_after : undefined
  return new ParleyError(code as ClientErrorCode, message, retryAfter)
}
