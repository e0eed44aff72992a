import type { Dispatcher } from './actions/dispatcher.js'
import type { Identity } from './auth/identity.js'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import { Connection } from './connections/connection.js'
import type { TurnFlushQueue } from './connections/flush-queue.js'
import { RateLimit } from './connections/rate-limit.js'
import type { ConnectionRegistry } from './connections/registry.js'
import type { Transport } from './connections/transport.js'
import type { Log } from './log.js'
import { encodeEvent } from './protocol/encode.js'
import { PROTOCOL_VERSION } from './protocol/limits.js'
import type { Memberships } from './rooms/membership.js'
import type { Stats } from './stats/stats.js'

/** A client at the door: its token was verified, its transport is open. */
export interface Arrival {
  /** Default: a new one. */
  readonly id?: string
  readonly endpoint: 'echo' | 'chat'
  readonly identity: Identity
  readonly address: string
  readonly transport: Transport
  /** Id of the request that it came by, for the log. */
  readonly request: string
}

export interface ArrivalsOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly connections: ConnectionRegistry
  readonly memberships: Memberships
  readonly dispatcher: Dispatcher
  readonly flushQueue: TurnFlushQueue
  readonly stats: Stats
}

/** One for all connections: without a limit there is nothing to remember. */
const UNLIMITED = new RateLimit(0, 1, 0)

/** How connections begin and end: what is made for one, and what is given back after it. */
export class Arrivals {
  readonly #options: ArrivalsOptions

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** Registers a connection; on `/chat` it is sent its `welcome`. */
  open({ id, endpoint, identity, address, transport, request }: Arrival): Connection {
    const { clock, config, connections, flushQueue, log, stats } = this.#options
    const info = { id: id ?? clock.id(), endpoint, identity, address, since: clock.now() }
    const connection = new Connection(info, {
      transport,
      flushQueue,
      rateLimit: this.#newRateLimit(),
      maxBufferedBytes: config.maxBufferedBytes,
    })
    connections.add(connection)
    stats.opened++
    const { user } = identity
    const { name } = transport
    // Not spread into another: that alone is a hundredth of what a handshake costs.
    const details = {
      connection: info.id,
      user,
      address,
      endpoint,
      reqId: request,
      transport: name,
    }
    log.info(details, 'connection opened')
    if (endpoint === 'chat') {
      connection.send(welcome(connection, config))
      // At once, so that it goes out with the answer to the handshake.
      connection.flush()
    }
    return connection
  }

  /**
   * Releases everything that a connection held; a second call does nothing.
   * @param theirs the peer's close code; what counts is the code of who closed first
   */
  closed(connection: Connection, theirs: number): void {
    const { clock, connections, dispatcher, log, memberships, stats } = this.#options
    if (!connections.remove(connection)) return
    const code = connection.closeCode ?? theirs
    connection.open = false
    stats.countClosed(connection, code)
    dispatcher.forget(connection)
    memberships.leaveAll(connection)
    const { id, user, endpoint, received, sent, since } = connection
    const duration = clock.now() - since
    const details = { connection: id, user, endpoint, code, duration, received, sent }
    log.info(details, 'connection closed')
  }

  #newRateLimit(): RateLimit {
    const { clock, config } = this.#options
    const { rateLimitMessages, rateLimitBurst } = config
    if (rateLimitMessages === 0) return UNLIMITED
    return new RateLimit(rateLimitMessages, rateLimitBurst, clock.monotonic())
  }
}

/** The first event on `/chat`: who the client is, and what it may do. */
function welcome({ id, identity }: Connection, config: Config): string {
  return encodeEvent({
    event: 'welcome',
    connection: id,
    user: identity.user,
    nick: identity.nick,
    version: PROTOCOL_VERSION,
    heartbeat: config.heartbeatSeconds * 1000,
    expires: identity.expires,
    limits: {
      message_bytes: config.maxMessageBytes,
      rooms: config.maxRoomsPerConnection,
      messages_per_second: config.rateLimitMessages,
      burst: config.rateLimitBurst,
    },
  })
}
