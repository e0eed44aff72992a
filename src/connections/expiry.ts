import type { Clock, Scheduled } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodeEvent } from '../protocol/encode.js'
import type { Connection } from './connection.js'

/** How often is looked, and how long before the end a client is told, milliseconds. */
const PERIOD = 1000
const NOTICE = 30_000

const code = CloseCode.tokenExpired
const reason = 'Token expired'

/**
 * Closes connections whose token has expired, and says so before. One sweep for all of them; the
 * `auth` action moves the end by replacing the identity that is looked at here.
 */
export class ExpirySweep {
  readonly #connections: Iterable<Connection>
  readonly #clock: Clock
  #timer: Scheduled | undefined

  constructor(connections: Iterable<Connection>, clock: Clock) {
    this.#connections = connections
    this.#clock = clock
  }

  start(): void {
    this.#timer ??= this.#clock.every(PERIOD, () => this.sweep())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Looks at every connection once. */
  sweep(): void {
    const now = this.#clock.now()
    for (const connection of this.#connections) {
      const { expires } = connection.identity
      if (expires > now + NOTICE || !connection.open) continue
      if (expires <= now) connection.close(code, reason)
      else this.#announce(connection, expires)
    }
  }

  /** Once for each token of a connection. */
  #announce(connection: Connection, expires: number): void {
    if (connection.endpoint !== 'chat' || connection.announcedExpiry === expires) return
    connection.announcedExpiry = expires
    connection.send(encodeEvent({ event: 'closing', code, reason, reconnect_after: 0 }))
  }
}
