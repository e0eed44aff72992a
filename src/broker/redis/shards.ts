import { ErrorReply } from '@redis/client'
import type { Clock, Scheduled } from '../../clock.js'
import { type BrokerHealth, StoreUnavailable } from '../broker.js'
import type { Script } from './script.js'
import { addressOf, type ServerOptions, Session } from './session.js'
import { askMasters, type Masters } from './topology.js'

export interface ShardsOptions {
  readonly servers: readonly ServerOptions[]
  readonly clock: Clock
  readonly events: ShardEvents
  readonly onError: (error: unknown, what: string) => void
}

export interface ShardEvents {
  /** A session has begun: whatever was true of the one before must be made sure of. */
  up(session: Session): void
}

/**
 * Keeps one session with every master. A server that stands alone is a cluster of one master
 * which has every slot. While a master is away, what belongs to its slots is refused at once.
 */
export class Shards {
  readonly #options: ShardsOptions
  readonly #sessions = new Map<string, Session>()
  readonly #announced = new WeakSet<Session>()
  #masters: Masters | undefined
  #closed = false
  #refreshing = false
  #next: Scheduled | undefined
  #probing: Scheduled | undefined
  #delay = FIRST_DELAY
  #failure: { since: number; reason: string } | undefined
  #refusal: { since: number; reason: string } | undefined

  constructor(options: ShardsOptions) {
    this.#options = options
  }

  /** Resolves once every master is there. Rejects when that does not happen in time. */
  async start(): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + START_TIMEOUT
    this.#failure = { since: clock.now(), reason: 'not connected yet' }
    for (;;) {
      await this.#refresh()
      if (this.#failure === undefined) break
      if (clock.monotonic() > deadline) {
        this.close()
        throw new StoreUnavailable(`Redis cannot be reached: ${this.#failure.reason}`)
      }
      await new Promise<void>((resolve) => void setTimeout(resolve, FIRST_DELAY))
    }
    this.#probing = clock.every(BETWEEN_PROBES, () => {
      for (const session of this.#sessions.values()) session.probe()
    })
  }

  /** The session that has a slot. @throws {StoreUnavailable} when there is none now. */
  of(slot: number): Session {
    const session = this.find(slot)
    if (session === undefined) throw this.unavailable()
    return session
  }

  find(slot: number): Session | undefined {
    const owner = this.#masters?.ownerOf(slot)
    return owner === undefined ? undefined : this.#sessions.get(addressOf(owner))
  }

  /** Runs a script where a slot is. @throws {StoreUnavailable} */
  run<T>(slot: number, script: Script, keys: readonly string[], args: readonly string[]) {
    return this.#guard<T>(() => this.of(slot).run(script, keys, args))
  }

  /** Sends a command to where a slot is. @throws {StoreUnavailable} */
  send<T>(slot: number, command: readonly string[]): Promise<T> {
    return this.#guard<T>(() => this.of(slot).send(command))
  }

  unavailable(cause?: unknown): StoreUnavailable {
    if (this.#closed) return new StoreUnavailable('the broker is closed')
    const reason = this.#failure?.reason ?? (cause ? String(cause) : 'it is being looked for')
    return new StoreUnavailable(`Redis is not available: ${reason}`, { cause })
  }

  health(): BrokerHealth {
    const failure = this.#failure ?? this.#refusal
    return failure === undefined ? { ok: true } : { ok: false, ...failure }
  }

  /** Redis is there and refuses a write: its memory or disk is full, replicas are missing. */
  refused(error: Error): void {
    const since = this.#refusal?.since ?? this.#options.clock.now()
    if (this.#refusal === undefined) this.#options.onError(error, 'Redis refuses to store')
    this.#refusal = { since, reason: error.message }
  }

  /** Redis has taken a write. */
  accepted(): void {
    this.#refusal = undefined
  }

  close(): void {
    this.#closed = true
    this.#next?.cancel()
    this.#probing?.cancel()
    for (const session of [...this.#sessions.values()]) session.end('closed')
  }

  async #guard<T>(call: () => Promise<unknown>): Promise<T> {
    if (this.#closed) throw this.unavailable()
    try {
      return (await call()) as T
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      if (error instanceof ErrorReply && /^(ERR|WRONGTYPE)\b/.test(error.message)) throw error
      throw this.unavailable(error)
    }
  }

  /** Finds out who the masters are and opens and ends sessions accordingly. Never rejects. */
  async #refresh(): Promise<void> {
    if (this.#refreshing || this.#closed) return
    this.#refreshing = true
    try {
      await this.#connect()
      this.#failure = undefined
      this.#delay = FIRST_DELAY
    } catch (error) {
      this.#fail(error)
      this.#again()
    } finally {
      this.#refreshing = false
    }
  }

  async #connect(): Promise<void> {
    this.#masters = await this.#findMasters()
    const wanted = new Map(this.#masters.servers.map((server) => [addressOf(server), server]))
    for (const [address, session] of this.#sessions) {
      if (!wanted.has(address)) session.end('it is not a master')
    }
    const opened = await Promise.allSettled([...wanted.values()].map((s) => this.#open(s)))
    for (const session of this.#sessions.values()) this.#announce(session)
    for (const result of opened) if (result.status === 'rejected') throw result.reason
    const away = [...wanted.keys()].find((address) => !this.#sessions.has(address))
    if (away !== undefined) throw new Error(`${away} is away`)
  }

  /** Asks one server after the other, those that are connected first. */
  async #findMasters(): Promise<Masters> {
    const connected = [...this.#sessions.values()].map(({ server }) => server)
    let failure: unknown
    for (const server of [...connected, ...this.#options.servers]) {
      try {
        const session = await this.#open(server)
        const masters = await askMasters(session)
        if (masters !== undefined) return masters
        session.end('it is a replica')
        failure = new Error(`${session.address} is a replica`)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  #announce(session: Session): void {
    if (this.#announced.has(session) || session.ended !== undefined) return
    this.#announced.add(session)
    this.#options.events.up(session)
  }

  async #open(server: ServerOptions): Promise<Session> {
    const known = this.#sessions.get(addressOf(server))
    if (known !== undefined) return known
    const session = await Session.open(server, this.#options.clock, (ended) => this.#lost(ended))
    if (this.#closed) session.end('closed')
    else this.#sessions.set(session.address, session)
    return session
  }

  #lost(session: Session): void {
    if (this.#sessions.get(session.address) !== session) return
    this.#sessions.delete(session.address)
    if (this.#closed) return
    this.#fail(`${session.address}: ${session.ended}`)
    this.#again()
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (this.#failure === undefined) {
      this.#failure = { since: this.#options.clock.now(), reason }
      this.#options.onError(error, 'Redis is not available')
    } else {
      this.#failure.reason = reason
    }
  }

  #again(): void {
    if (this.#closed) return
    const { clock } = this.#options
    this.#next?.cancel()
    const wait = this.#delay * (0.5 + clock.random() / 2)
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY)
    this.#next = clock.after(wait, () => void this.#refresh())
  }
}

/** Milliseconds. */
const FIRST_DELAY = 50
const LONGEST_DELAY = 1000
/** Less than what a Fastify plugin may take to load. */
const START_TIMEOUT = 6000
const BETWEEN_PROBES = 1000
