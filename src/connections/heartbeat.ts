import type { Clock, Scheduled } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import type { Connection } from './connection.js'

export interface HeartbeatOptions {
  /** Milliseconds between pings; 0 = no heartbeat. */
  readonly interval: number
  /** Milliseconds without a data message after which a connection is closed; 0 = never. */
  readonly idleTimeout: number
}

/**
 * One sweep for all connections: pings, drops the dead and closes the idle. It reads counters
 * that are kept anyway, so that a message costs nothing here, and needs no timer per connection.
 */
export class Heartbeat {
  readonly #connections: Iterable<Connection>
  readonly #options: HeartbeatOptions
  readonly #clock: Clock
  readonly #period: number
  #timer: Scheduled | undefined
  #lastSweep = 0

  constructor(connections: Iterable<Connection>, options: HeartbeatOptions, clock: Clock) {
    this.#connections = connections
    this.#options = options
    this.#clock = clock
    const shortest = Math.min(options.interval || Infinity, options.idleTimeout || Infinity)
    this.#period = Math.min(1000, shortest / 10)
  }

  start(): void {
    if (this.#timer || (this.#options.interval === 0 && this.#options.idleTimeout === 0)) return
    this.#lastSweep = this.#clock.monotonic()
    this.#timer = this.#clock.every(this.#period, () => this.sweep())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Looks at every connection once. */
  sweep(): void {
    const now = this.#clock.monotonic()
    // While this process stood still nobody could be heard: that time counts for nobody's silence.
    const stalled = Math.max(0, now - this.#lastSweep - 2 * this.#period)
    this.#lastSweep = now
    for (const connection of this.#connections) {
      if (connection.open) this.#check(connection, now, stalled)
    }
  }

  #check(connection: Connection, now: number, stalled: number): void {
    const { interval, idleTimeout } = this.#options
    const { transport, received } = connection
    let pulse = connection.pulse
    if (!pulse) {
      // The first ping falls into the second half of the interval, at random, so that clients
      // that connected together are not pinged together for ever.
      const nextPing = now + interval * (0.5 + this.#clock.random() / 2)
      const { bytesRead } = transport
      pulse = { bytesRead, heard: now, received, active: now, nextPing }
      connection.pulse = pulse
    }
    pulse.heard = transport.bytesRead === pulse.bytesRead ? pulse.heard + stalled : now
    pulse.bytesRead = transport.bytesRead
    pulse.active = received === pulse.received ? pulse.active + stalled : now
    pulse.received = received

    const silent = interval > 0 && now - pulse.heard > 2 * interval - this.#period
    if (silent && transport.answersPings) {
      connection.close(CloseCode.heartbeatLost, 'Heartbeat lost')
    } else if (idleTimeout > 0 && now - pulse.active >= idleTimeout) {
      connection.close(CloseCode.goingAway, 'Idle timeout')
    } else if (interval > 0 && now >= pulse.nextPing) {
      pulse.nextPing = now + interval
      transport.ping()
    }
  }
}
