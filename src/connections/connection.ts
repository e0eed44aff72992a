import type { Identity } from '../auth/identity.js'
import { CloseCode } from '../protocol/close-codes.js'
import { Batch } from './batch.js'
import type { RateLimit } from './rate-limit.js'
import type { Transport } from './transport.js'

/** What is known of a connection when it opens. */
export interface ConnectionInfo {
  readonly id: string
  readonly endpoint: 'echo' | 'chat'
  readonly identity: Identity
  /** The peer's address, as far as proxies are trusted to tell it. */
  readonly address: string
  /** When it opened, milliseconds since 1970. */
  readonly since: number
}

/** How a connection is in a room. */
export interface Membership {
  nick: string
  /** Counts the connection in; leaving waits for it. */
  entered: Promise<unknown>
  /** Set while the connection is being brought up to date. */
  joiner: { cancelled: boolean } | undefined
}

/** What the heartbeat sweep remembers of a connection between two rounds; monotonic milliseconds. */
export interface Pulse {
  bytesRead: number
  heard: number
  received: number
  active: number
  nextPing: number
}

/** Something that collects what it has to write. */
export interface Flushable {
  /** Called at the end of a turn in which it was added: writes, or has itself held. */
  endTurn(): void
  /** Writes what was collected. */
  flush(): void
}

/** Where something reports that it has collected something to write. */
export interface FlushQueue {
  /** Has its `endTurn` called at the end of this turn. Wanted once a turn. */
  add(item: Flushable): void
  /** Has its `flush` called before long, unless it is released earlier. */
  hold(item: Flushable): void
  /** Forgets that it was held. */
  release(item: Flushable): void
}

/** What a reply may wait for, to leave in one write with it. */
export interface Company {
  /** Whether something is held back that will be delivered to its members. */
  readonly held: boolean
}

export interface ConnectionOptions {
  readonly transport: Transport
  readonly flushQueue: FlushQueue
  readonly rateLimit: RateLimit
  readonly maxBufferedBytes: number
}

/**
 * One client. Everything that is sent to it goes through here, in order: `send` for what only
 * this client gets, `deliver` for what it shares with a room.
 */
export class Connection implements Flushable {
  readonly id: string
  readonly endpoint: 'echo' | 'chat'
  readonly address: string
  readonly since: number
  /** Replaced by the `auth` action. */
  identity: Identity
  readonly transport: Transport
  readonly rateLimit: RateLimit
  /** The rooms this connection is in, by name. */
  readonly rooms = new Map<string, Membership>()
  /** Data messages received and sent. */
  received = 0
  sent = 0
  /** Malformed messages since the last good one. */
  malformed = 0
  /** The expiry that the client was told of; kept by the expiry sweep. */
  announcedExpiry = 0
  /** Kept by the heartbeat sweep. */
  pulse: Pulse | undefined
  /** False from the start of the closing handshake. */
  open = true
  /** The code that this side closed with, if it was the first to close. */
  closeCode: number | undefined

  readonly #flushQueue: FlushQueue
  readonly #maxBufferedBytes: number
  #replies: string[] = []
  /** What they may wait for; undefined when one of them may not wait. */
  #company: Company | undefined
  /** Whether the queue is going to call `endTurn`, or `flush`. */
  #queued = false
  #held = false

  constructor(info: ConnectionInfo, options: ConnectionOptions) {
    this.id = info.id
    this.endpoint = info.endpoint
    this.identity = info.identity
    this.address = info.address
    this.since = info.since
    this.transport = options.transport
    this.rateLimit = options.rateLimit
    this.#flushQueue = options.flushQueue
    this.#maxBufferedBytes = options.maxBufferedBytes
  }

  get user(): string {
    return this.identity.user
  }

  /** Sends an event to this client, joined with what else it gets in this turn. */
  send(event: string): void {
    this.#send(event, undefined)
  }

  /**
   * As `send`, for a reply that may wait as long as a room holds back what it is about to deliver
   * to this client too: both leave in one write then.
   */
  sendAlong(event: string, room: Company | undefined): void {
    this.#send(event, room)
  }

  endTurn(): void {
    this.#queued = false
    if (this.#replies.length === 0) return
    if (this.#company?.held) {
      this.#held = true
      this.#flushQueue.hold(this)
    } else this.flush()
  }

  /** Writes what `send` has collected. */
  flush(): void {
    if (this.#replies.length > 0) this.#write(this.#takeReplies())
  }

  /** Sends shared events, after everything that `send` was given before. */
  deliver(batch: Batch): void {
    if (this.#replies.length === 0) this.#write(batch)
    else this.#write(this.#takeReplies(), batch)
  }

  /** Closes when more waits for the client to take it than may. */
  limitBuffered(): void {
    if (this.transport.buffered <= this.#maxBufferedBytes) return
    this.close(CloseCode.slowConsumer, 'Slow consumer')
  }

  /** Sends what is waiting, starts the closing handshake and drops whatever comes later. */
  close(code: number, reason: string): void {
    if (!this.open) return
    this.flush()
    if (!this.open) return
    this.open = false
    this.closeCode = code
    this.transport.close(code, reason)
  }

  #send(event: string, company: Company | undefined): void {
    if (!this.open) return
    const first = this.#replies.push(event) === 1
    if (first || company !== this.#company) this.#company = first ? company : undefined
    if (this.#queued || (this.#held && this.#company)) return
    this.#queued = true
    this.#flushQueue.add(this)
  }

  #takeReplies(): Batch {
    const events = this.#replies
    this.#replies = []
    if (this.#held) {
      this.#held = false
      this.#flushQueue.release(this)
    }
    return new Batch(events)
  }

  #write(batch: Batch, shared?: Batch): void {
    if (!this.open) return
    const { transport } = this
    this.sent += batch.events.length + (shared?.events.length ?? 0)
    const taken = shared ? transport.writeBoth(batch, shared) : transport.write(batch)
    if (!taken) this.limitBuffered()
  }
}
