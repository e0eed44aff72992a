import { shouldReconnect } from '../src/protocol/close-codes.js'
import type { ServerEvent, Welcome } from '../src/protocol/events.js'
import type { ClientEvents, ClientState, StateDetail } from './api.js'
import { backoffDelay } from './backoff.js'
import { type Channel, errorOf, openChannel, type Reply } from './channel.js'
import { Emitter } from './emitter.js'
import { ParleyError } from './errors.js'
import { type Liveness, watchLiveness } from './liveness.js'
import type { Settings } from './options.js'
import { abandon, openSocket, type SocketLike } from './socket.js'
import { keepTokens, type Tokens } from './tokens.js'
import { isOffline, watchWake } from './wake.js'
import { chooseWay } from './ways.js'
import { parseEvent, type RequestName, type RequestOf } from './wire.js'

/** Events that concern neither the connection itself nor a request. */
export type ContentEvent = Exclude<
  ServerEvent,
  { event: 'welcome' | 'ok' | 'error' | 'pong' | 'closing' }
>

/** What browsers say when there was no close frame, and what the client says when it gives up. */
const ABNORMAL = 1006

/** Browsers do not tell a refused token from a server that is away: it is asked for anew so often. */
const SUSPECT_EVERY = 4

/** How often to look whether the server is alive when it names no interval, milliseconds. */
const DEFAULT_HEARTBEAT = 25_000

/**
 * Keeps one connection to the server, over as many sockets as it takes. Every try to connect has
 * an identity of its own, so that what an earlier one still has to say is not listened to.
 */
export abstract class Connection<Msg> extends Emitter<ClientEvents<Msg>> {
  state: ClientState = 'idle'
  /** The last one there was. */
  welcome: Welcome | undefined
  /** Why there will be no other connection by itself: `CLOSED` or `FAILED`. */
  ended: ParleyError | undefined
  /** While there is a connection. */
  channel: Channel | undefined
  readonly settings: Settings
  readonly #tokens: Tokens
  readonly #way: ReturnType<typeof chooseWay>
  #try: object | undefined
  #socket: SocketLike | undefined
  #liveness: Liveness | undefined
  /** Tries to come back since the last welcome. */
  #retries = 0
  #reconnectAfter: number | undefined
  /** Until the next try, or the end of the present one. */
  #cancel: () => void = () => {}
  #unwatch: (() => void) | undefined

  constructor(settings: Settings) {
    super()
    this.settings = settings
    this.#tokens = keepTokens(settings.getToken, settings.clock)
    this.#way = chooseWay(settings)
  }

  /** The connection came, went, or will not come again by itself. */
  protected abstract changed(): void
  protected abstract received(event: ContentEvent): void

  /** Tries to connect now, unless a try is under way or `close` was called. */
  reconnectNow(): void {
    if (this.state === 'closed' || this.#try) return
    this.#unwatch ??= watchWake(() =>
      this.#liveness ? this.#liveness.probe() : this.reconnectNow(),
    )
    this.#cancel()
    this.ended = undefined
    const current = {}
    this.#try = current
    this.#setState(this.#retries ? 'reconnecting' : 'connecting', { attempt: this.#retries })
    if (this.#try === current) void this.#connect(current)
  }

  close(): void {
    if (this.state === 'closed') return
    this.#release('closed', {}, new ParleyError('CLOSED'))
  }

  /** Sends an action that gets one answer; without a connection that is `DISCONNECTED`. */
  request<Name extends RequestName>(
    action: Name,
    fields: RequestOf<Name>,
    reply: Reply<Name>,
    id?: string,
  ): void {
    if (this.channel) this.channel.request(action, fields, reply, id)
    else reply(new ParleyError('DISCONNECTED'))
  }

  async #connect(current: object): Promise<void> {
    const { WebSocket, fallback, url, connectTimeout } = this.settings
    try {
      // After a first failure, and now and then after more of them, the token may be the cause.
      const suspect = this.#retries % SUSPECT_EVERY === (this.welcome ? 2 : 1)
      const token = await this.#tokens.next(suspect)
      const Socket = await this.#way(this.#retries, !!this.welcome)
      if (current !== this.#try) return
      // A proxy may swallow the handshake: time is left for the other way.
      const patience = fallback && Socket === WebSocket ? connectTimeout / 2 : connectTimeout
      this.#after(patience, () => this.#lost('Connect time-out'))
      this.#socket = openSocket(
        Socket,
        url,
        token,
        (data) => this.#receive(data),
        (code, reason) => this.#lost(reason, code),
      )
    } catch (error) {
      if (current !== this.#try) return
      this.#reportToken(error)
      if (current === this.#try) this.#lost('No token')
    }
  }

  #receive(data: unknown): void {
    this.#liveness?.heard()
    try {
      const event = parseEvent(data)
      if (event.event === 'welcome') this.#welcomed(event)
      else if (this.channel) this.#dispatch(event, this.channel)
    } catch (error) {
      // An answer that cannot be read leaves its request open, which in the end drops the socket.
      this.emit('error', error as ParleyError)
    }
  }

  #dispatch(event: Exclude<ServerEvent, Welcome>, channel: Channel): void {
    if (event.event === 'ok' || (event.event === 'error' && event.id !== undefined)) {
      channel.settle(event)
    } else if (event.event === 'error') {
      this.emit('error', errorOf(event))
    } else if (event.event === 'closing') {
      this.#reconnectAfter = event.reconnect_after
      this.emit('closing', event)
    } else if (event.event !== 'pong') {
      this.received(event)
    }
  }

  #welcomed(welcome: Welcome): void {
    if (this.channel || !this.#socket) return
    const { clock } = this.settings
    const channel = openChannel(this.#socket, welcome.limits.message_bytes, clock)
    this.#cancel()
    this.channel = channel
    this.welcome = welcome
    this.#retries = 0
    this.#liveness = watchLiveness(clock, welcome.heartbeat || DEFAULT_HEARTBEAT, channel, () =>
      this.#lost('No sign of life'),
    )
    this.#watchToken(welcome)
    this.#setState('connected', {})
    // Either handler may close the client.
    if (channel === this.channel) this.emit('welcome', welcome)
    if (channel === this.channel) this.changed()
  }

  #watchToken(welcome: Welcome): void {
    this.#tokens.watch(welcome.expires, () => void this.#renewToken(welcome))
  }

  /** Replaces the token in place; if the server will not, a new connection takes the new token. */
  async #renewToken(welcome: Welcome): Promise<void> {
    const channel = this.channel
    try {
      const token = await this.#tokens.ask('expiring')
      if (channel !== this.channel) return
      channel?.request('auth', { token }, (_, result) => {
        if (channel !== this.channel) return
        if (result) {
          welcome.expires = result.expires
          this.#watchToken(welcome)
        } else {
          this.#reconnectAfter = 0
          this.#lost('Token renewed')
        }
      })
    } catch (error) {
      if (channel !== this.channel) return
      this.#watchToken(welcome)
      this.#reportToken(error)
    }
  }

  #reportToken(cause: unknown): void {
    this.emit('error', new ParleyError('TOKEN', `getToken: ${cause}`, undefined, cause))
  }

  /** The socket is closed, or given up: another is opened, unless the code forbids it. */
  #lost(reason: string, code = ABNORMAL): void {
    const { maxRetries, backoff, clock } = this.settings
    const attempt = this.#retries
    if (!shouldReconnect(code) || attempt >= maxRetries) {
      const error = new ParleyError('FAILED', `${code} ${reason}`)
      this.#release('failed', { code, reason, attempt }, error)
      return
    }
    const wait = this.#reconnectAfter ?? backoffDelay(attempt, backoff, clock.random())
    this.#reconnectAfter = undefined
    this.#retries += 1
    this.#after(wait, () => this.#retry())
    this.#release('reconnecting', { code, reason, attempt, retryAt: clock.now() + wait })
  }

  /** Without a network a try would only cost battery; `online` ends the wait. */
  #retry(): void {
    if (isOffline()) this.#after(this.settings.backoff.cap, () => this.#retry())
    else this.reconnectNow()
  }

  /** Lets go of the socket; `ended` says why there will be no other. */
  #release(state: ClientState, detail: StateDetail, ended?: ParleyError): void {
    const { channel } = this
    this.#liveness?.stop()
    this.#tokens.unwatch()
    if (this.#socket) abandon(this.#socket)
    this.#try = this.#socket = this.channel = this.#liveness = undefined
    this.state = state
    this.ended = ended
    if (ended) {
      this.#cancel()
      this.#unwatch?.()
      this.#unwatch = undefined
      this.#retries = 0
    }
    this.changed()
    channel?.abort(ended ?? new ParleyError('DISCONNECTED'))
    // What was told of it may have closed the client, or begun the next try.
    if (this.state === state && !this.#try) this.#setState(state, detail)
  }

  #after(ms: number, task: () => void): void {
    this.#cancel()
    this.#cancel = this.settings.clock.after(ms, task)
  }

  #setState(state: ClientState, detail: StateDetail): void {
    this.state = state
    this.emit('state', state, detail)
  }
}
