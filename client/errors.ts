import type { ErrorCode } from '../src/protocol/error-codes.js'

/**
 * Why a call did not do what it was asked to: a code of the protocol's `error` event, or one of
 * the client's own:
 *
 * - `DISCONNECTED`: the connection went away before the answer came, or there was none.
 * - `CLOSED`: {@link Client.close} was called.
 * - `FAILED`: the client gave up reconnecting; `message` says why.
 * - `LEFT`: the room was left first.
 * - `REMOVED`: the server took this client out of the room; joining again may succeed.
 * - `OUTBOX_FULL`: as many messages as `outboxLimit` allows are waiting in this room.
 * - `DISCARDED`: {@link Room.discard} was called.
 * - `OVERFLOW`: a `for await` loop over a room fell too far behind.
 * - `TOKEN`: `getToken` threw, or gave no token.
 * - `STORE`: the outbox store threw; the message is still sent, but a reload may lose it.
 * - `BAD_EVENT`: the server sent something that is not of this protocol; it was ignored.
 */
export type ClientErrorCode =
  | ErrorCode
  | 'DISCONNECTED'
  | 'CLOSED'
  | 'FAILED'
  | 'LEFT'
  | 'REMOVED'
  | 'OUTBOX_FULL'
  | 'DISCARDED'
  | 'OVERFLOW'
  | 'TOKEN'
  | 'STORE'
  | 'BAD_EVENT'

/** The one error class of the client: every rejection and every `error` event is one. */
export class ParleyError extends Error {
  override readonly name = 'ParleyError'
  /** Stable, for programs; `message` is for people. */
  readonly code: ClientErrorCode
  /** When the server says a new attempt makes sense, milliseconds. */
  readonly retryAfter: number | undefined

  constructor(code: ClientErrorCode, message: string = code, retryAfter?: number, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.retryAfter = retryAfter
  }
}
