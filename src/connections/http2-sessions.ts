import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { RateLimit } from './rate-limit.js'

const { NGHTTP2_ENHANCE_YOUR_CALM } = constants

/** A WebSocket that its client resets so soon was not meant to be used, milliseconds. */
const SOON = 1000

/** How many of those a session may have: at once, and a second. */
const RESET_BURST = 100
const RESETS_PER_SECOND = 10

/** Lines in the log about sessions that were ended: at once, and a second. */
const LINES_BURST = 10
const LINES_PER_SECOND = 0.1

/** The part of a pino logger that this uses. */
interface Log {
  warn(details: object, message: string): void
}

export interface Http2SessionsOptions {
  readonly clock: Clock
  readonly log: Log
  /** How long a session that is being closed may go on, milliseconds. */
  readonly closeTimeout: number
}

interface Tracked {
  /** The connection below: a session that is closed waits for it, for ever if the peer does not read. */
  readonly socket: Socket
  readonly resets: RateLimit
}

/** The sessions of a server of HTTP/2: that they end when they should, and when they misbehave. */
export class Http2Sessions {
  readonly #options: Http2SessionsOptions
  readonly #sessions = new Map<ServerHttp2Session, Tracked>()
  /** Those with a deadline. */
  readonly #ending = new Set<Socket>()
  readonly #lines: RateLimit
  #accepted: Socket | undefined
  #closing = false

  constructor(server: Http2SecureServer | Http2Server, options: Http2SessionsOptions) {
    this.#options = options
    this.#lines = new RateLimit(LINES_PER_SECOND, LINES_BURST, options.clock.monotonic())
    // Both events come in the turn in which the server makes the session.
    const accepted = (socket: Socket) => {
      this.#accepted = socket
    }
    server.prependListener('connection', accepted).prependListener('secureConnection', accepted)
    server.on('session', (session) => this.#add(session, this.#accepted as Socket))
  }

  /** Lets sessions end once what is open on them has; by force at the deadline. */
  close(): void {
    this.#closing = true
    for (const [session, { socket }] of this.#sessions) this.#end(session, socket)
  }

  /**
   * Watches a stream that was just opened: a client that opens and resets streams makes a server work
   * for nothing ("rapid reset", CVE-2023-44487). nghttp2 has a limit of its own, a far higher one.
   */
  watch(stream: ServerHttp2Stream): void {
    const { clock } = this.#options
    const session = stream.session as ServerHttp2Session | undefined
    const tracked = session && this.#sessions.get(session)
    if (!tracked) return
    const opened = clock.monotonic()
    stream.once('aborted', () => {
      const now = clock.monotonic()
      if (now - opened > SOON || session.destroyed || tracked.resets.take(now) === 0) return
      const address = tracked.socket.remoteAddress
      session.destroy(new Error('streams are reset too often'), NGHTTP2_ENHANCE_YOUR_CALM)
      if (this.#lines.take(now) > 0) return
      this.#options.log.warn({ address }, 'HTTP/2 connection ended: it resets streams too often')
    })
  }

  #add(session: ServerHttp2Session, socket: Socket): void {
    const resets = new RateLimit(RESETS_PER_SECOND, RESET_BURST, this.#options.clock.monotonic())
    this.#sessions.set(session, { socket, resets })
    socket.once('close', () => this.#sessions.delete(session))
    // Nothing went in or out for long: idle, or the peer does not read.
    session.on('timeout', () => this.#end(session, socket))
    if (this.#closing) this.#end(session, socket)
  }

  /**
   * Closes a session: it goes on as long as something is open on it, and its connection until the
   * peer has taken the last bytes. For that there is a deadline.
   */
  #end(session: ServerHttp2Session, socket: Socket): void {
    if (!session.destroyed) session.close()
    if (this.#ending.has(socket)) return
    let flushing = this.#closing
    const check = this.#options.clock.every(this.#options.closeTimeout, () => {
      if (flushing) socket.destroy()
      flushing = session.destroyed || this.#closing
    })
    this.#ending.add(socket)
    socket.once('close', () => {
      check.cancel()
      this.#ending.delete(socket)
    })
  }
}
