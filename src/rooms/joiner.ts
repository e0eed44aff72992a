import type { Connection } from '../connections/connection.js'
import { CloseCode } from '../protocol/close-codes.js'

/**
 * A connection on its way into a room: between the moment its place in the log is known and the
 * moment it has been sent everything up to there, events that come in are held back here. They
 * are shared texts; what is held counts against the connection's own limit.
 */
export class Joiner {
  readonly connection: Connection
  /** The room's log was erased meanwhile: what was read of it is of the past. */
  stale = false
  /** The connection left or closed meanwhile. */
  cancelled = false

  readonly #maxHeldBytes: number
  #held: { event: string; offset: number }[] = []
  #heldLength = 0

  constructor(connection: Connection, maxHeldBytes: number) {
    this.connection = connection
    this.#maxHeldBytes = maxHeldBytes
  }

  /** Holds an event back; `offset` is 0 for what is not in the log. */
  hold(event: string, offset: number): void {
    this.#held.push({ event, offset })
    this.#heldLength += event.length
    if (this.#heldLength > this.#maxHeldBytes) {
      this.#held = []
      this.#heldLength = 0
      this.connection.close(CloseCode.slowConsumer, 'Slow consumer')
    }
  }

  /** Forgets what was held: the log is read from the room's present position. */
  restart(): void {
    this.reset()
    this.stale = false
  }

  /** Forgets what was held of the past; called before the `reset` event is held. */
  reset(): void {
    this.stale = true
    this.#held = []
    this.#heldLength = 0
  }

  /** Sends what was held, without the messages up to `offset`, which the client has. */
  release(offset: number): void {
    for (const held of this.#held) {
      if (held.offset === 0 || held.offset > offset) this.connection.send(held.event)
    }
    this.#held = []
  }
}
