import { Dispatcher } from './actions/dispatcher.js'
import { Administration } from './administration.js'
import { type Arrival, Arrivals } from './arrivals.js'
import { Authenticator, type VerifyToken } from './auth/authenticator.js'
import type { Identity } from './auth/identity.js'
import { Tickets } from './auth/tickets.js'
import type { Appended, Broker, NewMessage } from './broker/broker.js'
import { createBrokerHandler } from './broker-handler.js'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import { Admission } from './connections/admission.js'
import type { Connection } from './connections/connection.js'
import { DirectWriter } from './connections/direct-write.js'
import { ExpirySweep } from './connections/expiry.js'
import { PacedFlushQueue, TurnFlushQueue } from './connections/flush-queue.js'
import { Heartbeat } from './connections/heartbeat.js'
import { ConnectionRegistry } from './connections/registry.js'
import { Drain } from './drain.js'
import type { Log } from './log.js'
import { Nodes } from './nodes/nodes.js'
import { type NodeSummary, summarize } from './nodes/summary.js'
import { Posts } from './posts.js'
import { Memberships } from './rooms/membership.js'
import { pageLength } from './rooms/page-length.js'
import { Rooms } from './rooms/rooms.js'
import { Stats } from './stats/stats.js'

export interface ServiceOptions {
  readonly config: Config
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Log
  /** Machine and process, and the version that runs, for administrators. */
  readonly about?: Pick<NodeSummary, 'instance' | 'version'>
  readonly verifyToken: VerifyToken
}

/**
 * The real-time service without its HTTP side: connections come in through `open`, their
 * messages through `receive`, and `closed` releases everything that one held.
 */
export class RealtimeService {
  readonly config: Config
  readonly broker: Broker
  readonly connections: ConnectionRegistry
  readonly rooms: Rooms
  readonly admission: Admission
  readonly administration: Administration
  readonly nodes: Nodes
  readonly posts: Posts
  readonly tickets: Tickets
  readonly stats = new Stats()
  /** Writes to sockets past their streams, unless `DIRECT_WRITES` forbids it. */
  readonly directWriter: DirectWriter | undefined
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Resolves when a drain begins, whoever asked for it. */
  readonly drainStarted: Promise<void>
  readonly #clock: Clock
  readonly #authenticator: Authenticator
  readonly #arrivals: Arrivals
  readonly #dispatcher: Dispatcher
  readonly #heartbeat: Heartbeat
  readonly #expiry: ExpirySweep
  readonly #about: Pick<NodeSummary, 'instance' | 'version'>
  readonly #drain: Drain

  constructor({ config, broker, clock, log, verifyToken, about }: ServiceOptions) {
    this.config = config
    this.broker = broker
    this.startedAt = clock.now()
    this.directWriter = config.directWrites ? new DirectWriter() : undefined
    this.#clock = clock
    this.#about = about ?? { instance: '', version: '' }
    const { stats } = this
    const flushQueue = new TurnFlushQueue(clock)
    this.rooms = new Rooms(broker, pacedBy(config.flushMs, flushQueue, clock), (storedAt) =>
      stats.delivery.observe(clock.now() - storedAt),
    )
    const connections = new ConnectionRegistry((room) => this.rooms.membersOf(room))
    this.connections = connections
    this.#drain = new Drain({ connections, clock, over: config.drainSeconds * 1000 })
    this.drainStarted = this.#drain.started
    this.admission = new Admission(connections, config)
    const memberships = new Memberships({
      broker,
      rooms: this.rooms,
      maxHeldBytes: config.maxBufferedBytes,
      maxPageLength: pageLength(config),
      onError: (err, { id }) => log.error({ err, connection: id }, 'membership failed'),
    })
    this.administration = new Administration({
      broker,
      clock,
      connections,
      memberships,
      revocationLifetime: config.revocationSeconds * 1000,
      drain: () => void this.drain(),
      introduce: (to, round) => this.nodes.introduce(to, round),
      onError: (err, what) => log.error({ err }, what),
    })
    const { revocations } = this.administration
    this.tickets = new Tickets(broker, clock)
    this.#authenticator = new Authenticator({ verifyToken, tickets: this.tickets, revocations })
    this.posts = new Posts({
      broker,
      clock,
      connections,
      receive: (connection, action) => this.receive(connection, action),
    })
    this.nodes = new Nodes({
      broker,
      clock,
      connections,
      summary: () => this.summary(),
      drain: () => {
        void this.drain()
        return { connections: connections.size, seconds: config.drainSeconds }
      },
      drainSeconds: config.drainSeconds,
    })
    const verify = (token: string) => this.verify(token)
    const shared = { clock, config, connections, memberships, stats }
    const context = { ...shared, broker, rooms: this.rooms, verifyToken: verify }
    const dispatcher = new Dispatcher(context, log)
    this.#dispatcher = dispatcher
    this.#arrivals = new Arrivals({ ...shared, log, dispatcher, flushQueue })
    const interval = config.heartbeatSeconds * 1000
    const idleTimeout = config.idleTimeoutSeconds * 1000
    this.#heartbeat = new Heartbeat(connections, { interval, idleTimeout }, clock)
    this.#expiry = new ExpirySweep(connections, clock)
  }

  /** Opens the broker and starts the heartbeat. Rejects when the store cannot be opened. */
  async start(): Promise<void> {
    await this.broker.start(createBrokerHandler(this))
    await this.administration.start()
    this.#heartbeat.start()
    this.#expiry.start()
  }

  /**
   * Who a token stands for.
   * @param expiredFor how long ago it may have expired, milliseconds; 0 by default
   * @throws {ParleyError} `UNAUTHORIZED`, saying what is wrong; also when it was revoked.
   */
  verify(token: string, expiredFor?: number): Promise<Identity> {
    return this.#authenticator.verify(token, expiredFor)
  }

  /** As `verify`, for a ticket, which is used up by this. */
  redeem(ticket: string): Promise<Identity> {
    return this.#authenticator.redeem(ticket)
  }

  /** Whether new connections are turned away because this process is about to stop. */
  get draining(): boolean {
    return this.#drain.isOn
  }

  /** Registers a connection; on `/chat` it is sent its `welcome`. */
  open(arrival: Arrival): Connection {
    return this.#arrivals.open(arrival)
  }

  /**
   * Appends a message to a room's log and delivers it to every member, on every node: what an
   * application sends by itself. No grant is asked for and no rate is limited.
   *
   *     await app.parley.publish('lobby', { user: 'shop', nick: 'Shop', msg: JSON.stringify(offer) })
   *
   * @param message `msg` is JSON text; `id` makes repeats stored once, a new one by default;
   *   `compress: false` keeps it uncompressed on every connection
   * @throws {StoreUnavailable} when the log cannot be written.
   */
  async publish(
    room: string,
    message: Omit<NewMessage, 'id'> & { readonly id?: string },
  ): Promise<Appended> {
    const start = this.#clock.monotonic()
    return this.rooms.append(room, { id: this.#clock.id(), ...message }, (place) => {
      this.stats.append.observe(this.#clock.monotonic() - start)
      return place
    })
  }

  /** How this node is. */
  summary(): NodeSummary {
    return summarize(this, { ...this.#about, time: this.#clock.now() })
  }

  /** Connections with actions that wait for an earlier one. */
  get waiting(): number {
    return this.#dispatcher.waiting
  }

  /** Bytes that clients have not taken yet. */
  buffered(): { total: number; largest: number } {
    let total = 0
    let largest = 0
    for (const { transport } of this.connections) {
      total += transport.buffered
      largest = Math.max(largest, transport.buffered)
    }
    return { total, largest }
  }

  /** Takes a text message from a client of `/chat`. Never throws. */
  receive(connection: Connection, text: string): void {
    this.#dispatcher.receive(connection, text)
  }

  /**
   * Releases everything that a connection held. To be called once its transport has closed.
   * @param theirs the peer's close code; what counts is the code of who closed first
   */
  closed(connection: Connection, theirs: number): void {
    this.#arrivals.closed(connection, theirs)
  }

  /** Turns new connections away and sends the open ones away over `DRAIN_SECONDS`. */
  drain(): Promise<void> {
    return this.#drain.start()
  }

  /** Drops what is still connected and closes the broker: what was accepted is committed. */
  async close(): Promise<void> {
    this.#drain.skip()
    this.#heartbeat.stop()
    this.#expiry.stop()
    this.administration.stop()
    for (const connection of this.connections) {
      connection.transport.terminate()
      this.closed(connection, 1006)
    }
    await this.broker.close()
  }

  /** Sizes of all that is kept for connections, for leak checks: all 0 when nobody is connected. */
  sizes(): Record<string, number> {
    const { connections, rooms } = this
    return { ...connections.sizes(), rooms: rooms.size, waiting: this.#dispatcher.waiting }
  }
}

/** How rooms write to their members: once a turn, or at most once in so many milliseconds. */
function pacedBy(flushMs: number, turns: TurnFlushQueue, clock: Clock) {
  return flushMs > 0 ? new PacedFlushQueue(turns, clock, flushMs) : turns
}
