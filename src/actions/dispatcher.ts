import { StoreUnavailable } from '../broker/broker.js'
import type { Connection } from '../connections/connection.js'
import { ParleyError } from '../errors.js'
import type { DecodedAction as AnyAction } from '../protocol/actions.js'
import { CloseCode } from '../protocol/close-codes.js'
import { decodeAction, Malformed } from '../protocol/codec.js'
import { encodeEvent } from '../protocol/encode.js'
import type { ErrorCode } from '../protocol/error-codes.js'
import type { ErrorEvent } from '../protocol/events.js'
import { MAX_MALFORMED_IN_A_ROW } from '../protocol/limits.js'
import type { Action, ActionContext } from './action.js'
import { actions } from './index.js'

/** Where failures go that a client is told only as `INTERNAL`. */
export interface DispatchLog {
  error(details: object, message: string): void
}

/**
 * Takes the text messages of connections, in order, to their actions, and the results back. One
 * per process; what it keeps of a connection is only the queue behind an exclusive action.
 */
export class Dispatcher {
  readonly #context: ActionContext
  readonly #log: DispatchLog
  /**
   * Actions that wait for an exclusive one of their connection. Reading is paused meanwhile, so
   * that a queue holds no more than what was in the one chunk already read.
   */
  readonly #waiting = new Map<Connection, AnyAction[]>()

  constructor(context: ActionContext, log: DispatchLog) {
    this.#context = context
    this.#log = log
  }

  /** Connections with actions waiting; for leak checks. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes one text message. Never throws. */
  receive(connection: Connection, text: string): void {
    if (!connection.open) return
    connection.received++
    const action = decodeAction(text)
    const weight = action instanceof Malformed ? 1 : actions[action.action].weight
    const retryAfter = connection.rateLimit.take(this.#context.clock.monotonic(), weight)
    if (action instanceof Malformed) {
      this.#refuseMalformed(connection, action)
      return
    }
    connection.malformed = 0
    if (retryAfter > 0) {
      this.#refuseFlood(connection, action, retryAfter)
      return
    }
    const waiting = this.#waiting.get(connection)
    if (waiting) waiting.push(action)
    else this.#run(connection, action)
  }

  /** Forgets a connection that is gone. */
  forget(connection: Connection): void {
    this.#waiting.delete(connection)
  }

  #run(connection: Connection, action: AnyAction): void {
    const { run, exclusive } = actions[action.action] as Action<AnyAction['action']>
    let result: ReturnType<typeof run>
    try {
      result = run(this.#context, connection, action)
    } catch (error) {
      this.#fail(connection, action, error)
      return
    }
    if (!(result instanceof Promise)) {
      if (result !== undefined) connection.send(result)
      return
    }
    const done = result.then(
      (reply) => {
        if (reply !== undefined) connection.send(reply)
      },
      (error) => this.#fail(connection, action, error),
    )
    if (exclusive) this.#hold(connection, done)
  }

  /** Lets the connection's next actions wait until `done`. */
  #hold(connection: Connection, done: Promise<void>): void {
    this.#waiting.set(connection, [])
    connection.transport.pause()
    void done.then(() => {
      const waiting = this.#waiting.get(connection)
      this.#waiting.delete(connection)
      connection.transport.resume()
      for (const [i, action] of (waiting ?? []).entries()) {
        if (!connection.open) return
        this.#run(connection, action)
        const held = this.#waiting.get(connection)
        if (held) {
          held.push(...(waiting ?? []).slice(i + 1))
          return
        }
      }
    })
  }

  #refuseMalformed(connection: Connection, { code, message, id }: Malformed): void {
    this.#sendError(connection, code, message, id)
    if (++connection.malformed >= MAX_MALFORMED_IN_A_ROW) {
      connection.close(CloseCode.protocolViolation, 'Too many malformed messages')
    }
  }

  #refuseFlood(connection: Connection, action: AnyAction, retryAfter: number): void {
    const { rateLimitMessages, rateLimitBurst } = this.#context.config
    const message = `at most ${rateLimitMessages} actions a second, ${rateLimitBurst} at once`
    this.#sendError(connection, 'RATE_LIMITED', message, idOf(action), retryAfter)
    if (connection.rateLimit.flooded) {
      connection.close(CloseCode.rateLimited, 'Rate limit exceeded')
    }
  }

  #fail(connection: Connection, action: AnyAction, error: unknown): void {
    if (error instanceof ParleyError) {
      this.#sendError(
        connection,
        error.code as ErrorCode,
        error.message,
        idOf(action),
        error.retryAfter,
      )
    } else if (error instanceof StoreUnavailable) {
      const message = 'the log is not available; what was sent is not acknowledged'
      this.#sendError(connection, 'STORE_UNAVAILABLE', message, idOf(action), error.retryAfter)
    } else {
      const details = { err: error, connection: connection.id, action: action.action }
      this.#log.error(details, 'action failed')
      this.#sendError(
        connection,
        'INTERNAL',
        'the server failed; its log has the details',
        idOf(action),
      )
    }
  }

  #sendError(
    connection: Connection,
    code: ErrorCode,
    message: string,
    id?: string,
    retryAfter?: number,
  ): void {
    this.#context.stats.countRefused('action', code)
    const event: ErrorEvent = { event: 'error', code, message }
    if (id !== undefined) event.id = id
    if (retryAfter !== undefined) event.retry_after = retryAfter
    connection.send(encodeEvent(event))
  }
}

function idOf(action: AnyAction): string | undefined {
  return action.action === 'ping' ? undefined : action.id
}
