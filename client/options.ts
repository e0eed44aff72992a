import type { Backoff } from './backoff.js'
import { type Clock, systemClock } from './clock.js'
import type { SocketConstructor } from './socket.js'
import type { OutboxStore } from './store.js'
import type { GetToken } from './tokens.js'

/** What {@link createClient} takes. */
export interface ClientOptions {
  /**
   * Where the server's `/chat` is. `http(s)` becomes `ws(s)`; relative addresses are those of the
   * page, and allowed in browsers only.
   */
  readonly url: string | URL
  /**
   * Gives a token: at first, in good time before the old one expires (`expiring`), and when the
   * server may have refused it (`refused`). What it throws counts as a failed try to connect.
   */
  readonly getToken: GetToken
  /** Waits between tries to connect. Default: from 0 to 1 s, doubling, up to 30 s. */
  readonly backoff?: Partial<Backoff>
  /** Tries to come back before the state is `failed`. Default: without end. */
  readonly maxRetries?: number
  /** How long a try to connect may take, up to the server's welcome. Default: 10 000 ms. */
  readonly connectTimeout?: number
  /**
   * Whether to go over Server-Sent Events and POST where a WebSocket does not open. A try with a
   * WebSocket then has half of `connectTimeout`. Default: true.
   */
  readonly fallback?: boolean
  /** Messages of one room that may wait to be stored, failed ones included. Default: 1000. */
  readonly outboxLimit?: number
  /** Where waiting messages survive a reload. Default: nowhere. */
  readonly store?: OutboxStore
  /** The platform's by default. Node 20 has none: hand in that of the `ws` package. */
  readonly WebSocket?: SocketConstructor
  /** For tests. */
  readonly clock?: Clock
}

/** The options with every default in place. */
export interface Settings {
  readonly url: string
  readonly getToken: GetToken
  readonly backoff: Backoff
  readonly maxRetries: number
  readonly connectTimeout: number
  readonly fallback: boolean
  readonly outboxLimit: number
  readonly store: OutboxStore | undefined
  readonly WebSocket: SocketConstructor
  readonly clock: Clock
}

/** Throws a `TypeError` for what can never work. */
export function resolveOptions(options: ClientOptions): Settings {
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined)
  if (!WebSocket) throw new TypeError('options.WebSocket is missing')
  return {
    url: resolveUrl(options.url),
    getToken: options.getToken,
    backoff: { base: 1000, cap: 30_000, ...options.backoff },
    maxRetries: options.maxRetries ?? Number.POSITIVE_INFINITY,
    connectTimeout: options.connectTimeout ?? 10_000,
    fallback: options.fallback ?? true,
    outboxLimit: options.outboxLimit ?? 1000,
    store: options.store,
    WebSocket,
    clock: options.clock ?? systemClock,
  }
}

function resolveUrl(address: string | URL): string {
  const url = new URL(address, globalThis.location?.href)
  url.protocol = url.protocol.replace('http', 'ws')
  url.hash = ''
  return url.href
}
