import { Dispatcher } from './actions/dispatcher.js'
import { Administration } from './administration.js'
import type { Identity } from './auth/identity.js'
import { Tickets } from './auth/tickets.js'
import type { Appended, Broker, BrokerHandler, NewMessage } from './broker/broker.js'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import { Admission } from './connections/admission.js'
import { Connection } from './connections/connection.js'
import { DirectWriter } from './connections/direct-write.js'
import { drainConnections } from './connections/drain.js'
import { ExpirySweep } from './connections/expiry.js'
import { PacedFlushQueue, TurnFlushQueue } from './connections/flush-queue.js'
import { Heartbeat } from './connections/heartbeat.js'
import { RateLimit } from './connections/rate-limit.js'
import { ConnectionRegistry } from './connections/registry.js'
import type { Transport } from './connections/transport.js'
import { ParleyError } from './errors.js'
import { type NodeQuestion, Nodes } from './nodes/nodes.js'
import { type NodeSummary, summarize } from './nodes/summary.js'
import { type Post, Posts } from './posts.js'
import { encodeDirect, encodeEvent } from './protocol/encode.js'
import { PROTOCOL_VERSION } from './protocol/limits.js'
import { Memberships } from './rooms/membership.js'
import { pageLength } from './rooms/page-length.js'
import { Rooms } from './rooms/rooms.js'
import { Stats } from './stats/stats.js'

/** The part of a pino logger that the core uses. */
export interface Log {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** One for all connections: without a limit there is nothing to remember. */
const UNLIMITED = new RateLimit(0, 1, 0)

type VerifyToken = (token: string, expiredFor?: number) => Promise<Identity>

export interface ServiceOptions {
  readonly config: Config
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Log
  /** Machine and process, and the version that runs, for administrators. */
  readonly about?: Pick<NodeSummary, 'instance' | 'version'>
  /** Verifies signature, times and claims of a token. Rejects with `UNAUTHORIZED`. */
  readonly verifyToken: VerifyToken
}

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

/** How long a client may take to answer a close frame, milliseconds. */
export const CLOSE_TIMEOUT = 2000

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
  readonly #log: Log
  readonly #flushQueue: TurnFlushQueue
  readonly #memberships: Memberships
  readonly #dispatcher: Dispatcher
  readonly #heartbeat: Heartbeat
  readonly #expiry: ExpirySweep
  readonly #verifyToken: VerifyToken
  readonly #about: Pick<NodeSummary, 'instance' | 'version'>
  #draining: Promise<void> | undefined
  #onDrain: () => void = () => {}

  constructor({ config, broker, clock, log, verifyToken, about }: ServiceOptions) {
    this.config = config
    this.broker = broker
    this.startedAt = clock.now()
    this.directWriter = config.directWrites ? new DirectWriter() : undefined
    this.drainStarted = new Promise((resolve) => {
      this.#onDrain = resolve
    })
    this.#clock = clock
    this.#log = log
    this.#verifyToken = verifyToken
    this.#about = about ?? { instance: '', version: '' }
    this.tickets = new Tickets(broker, clock)
    this.#flushQueue = new TurnFlushQueue(clock)
    const { stats } = this
    const pace =
      config.flushMs > 0
        ? new PacedFlushQueue(this.#flushQueue, clock, config.flushMs)
        : this.#flushQueue
    this.rooms = new Rooms(broker, pace, (storedAt) =>
      stats.delivery.observe(clock.now() - storedAt),
    )
    this.connections = new ConnectionRegistry((room) => this.rooms.membersOf(room))
    this.#memberships = new Memberships({
      broker,
      rooms: this.rooms,
      maxHeldBytes: config.maxBufferedBytes,
      maxPageLength: pageLength(config),
      onError: (err, { id }) => log.error({ err, connection: id }, 'membership failed'),
    })
    const { connections } = this
    this.admission = new Admission(connections, config)
    const memberships = this.#memberships
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
    const context = {
      broker,
      clock,
      config,
      connections,
      memberships,
      stats,
      verifyToken: (token: string) => this.verify(token),
    }
    this.#dispatcher = new Dispatcher(context, log)
    const heartbeat = {
      interval: config.heartbeatSeconds * 1000,
      idleTimeout: config.idleTimeoutSeconds * 1000,
    }
    this.#heartbeat = new Heartbeat(connections, heartbeat, clock)
    this.#expiry = new ExpirySweep(connections, clock)
  }

  /** Opens the broker and starts the heartbeat. Rejects when the store cannot be opened. */
  async start(): Promise<void> {
    const { rooms, administration } = this
    const handler: BrokerHandler = {
      message: (room, epoch, message) => rooms.message(room, epoch, message),
      reset: (room, position) => rooms.reset(room, position),
      presence: (room, change) => rooms.presence(room, change),
      signal: (room, signal) => rooms.signal(room, signal),
      direct: (user, message) => this.#direct(user, encodeDirect(message)),
      command: (command) => administration.execute(command),
      answer: (question) => this.#answer(JSON.parse(question)),
    }
    await this.broker.start(handler)
    await administration.start()
    this.#heartbeat.start()
    this.#expiry.start()
  }

  /**
   * Who a token stands for.
   * @param expiredFor how long ago it may have expired, milliseconds; 0 by default
   * @throws {ParleyError} `UNAUTHORIZED`, saying what is wrong; also when it was revoked.
   */
  async verify(token: string, expiredFor?: number): Promise<Identity> {
    return this.#unrevoked(await this.#verifyToken(token, expiredFor))
  }

  /** As `verify`, for a ticket, which is used up by this. */
  async redeem(ticket: string): Promise<Identity> {
    return this.#unrevoked(await this.tickets.redeem(ticket))
  }

  /** Whether new connections are turned away because this process is about to stop. */
  get draining(): boolean {
    return this.#draining !== undefined
  }

  /** Registers a connection; on `/chat` it is sent its `welcome`. */
  open({
    id = this.#clock.id(),
    endpoint,
    identity,
    address,
    transport,
    request,
  }: Arrival): Connection {
    const { config } = this
    const info = { id, endpoint, identity, address, since: this.#clock.now() }
    const connection = new Connection(info, {
      transport,
      flushQueue: this.#flushQueue,
      rateLimit: this.#newRateLimit(),
      maxBufferedBytes: config.maxBufferedBytes,
    })
    this.connections.add(connection)
    this.stats.opened++
    const details = { connection: id, user: identity.user, address, endpoint, reqId: request }
    this.#log.info({ ...details, transport: transport.name }, 'connection opened')
    if (endpoint === 'chat') {
      connection.send(this.#welcome(connection))
      // At once, so that it goes out with the answer to the handshake.
      connection.flush()
    }
    return connection
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
    const appended = await this.broker.append(room, { id: this.#clock.id(), ...message })
    this.stats.append.observe(this.#clock.monotonic() - start)
    return appended
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
    if (!this.connections.remove(connection)) return
    const code = connection.closeCode ?? theirs
    connection.open = false
    this.stats.countClosed(connection, code)
    this.#dispatcher.forget(connection)
    this.#memberships.leaveAll(connection)
    const { id, user, endpoint, received, sent, since } = connection
    const duration = this.#clock.now() - since
    const details = { connection: id, user, endpoint, code, duration, received, sent }
    this.#log.info(details, 'connection closed')
  }

  /** Turns new connections away and sends the open ones away over `DRAIN_SECONDS`. */
  drain(): Promise<void> {
    const over = this.config.drainSeconds * 1000
    this.#draining ??= drainConnections(this.connections, this.#clock, over, CLOSE_TIMEOUT)
    this.#onDrain()
    return this.#draining
  }

  /** Drops what is still connected and closes the broker: what was accepted is committed. */
  async close(): Promise<void> {
    this.#draining ??= Promise.resolve()
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

  /** Answers another node. */
  async #answer(question: NodeQuestion | { kind: 'post'; post: Post }): Promise<string> {
    const { posts, nodes } = this
    const { kind } = question
    return JSON.stringify(
      kind === 'post' ? await posts.answer(question.post) : nodes.answer(question),
    )
  }

  #unrevoked(identity: Identity): Identity {
    if (!this.administration.revocations.covers(identity)) return identity
    throw new ParleyError('UNAUTHORIZED', 'the token was revoked')
  }

  #newRateLimit(): RateLimit {
    const { rateLimitMessages, rateLimitBurst } = this.config
    if (rateLimitMessages === 0) return UNLIMITED
    return new RateLimit(rateLimitMessages, rateLimitBurst, this.#clock.monotonic())
  }

  #direct(user: string, event: string): number {
    let count = 0
    for (const connection of this.connections.ofUser(user)) {
      if (connection.endpoint !== 'chat') continue
      connection.send(event)
      count++
    }
    return count
  }

  #welcome({ id, identity }: Connection): string {
    const { config } = this
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
}
