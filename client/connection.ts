import { type CloseCode, shouldReconnect } from '../src/protocol/close-codes.js'
import type { ServerEvent, Welcome } from '../src/protocol/events.js'
import type { ClientEvents, ClientState, StateDetail } from './api.js'
import { backoffDelay } from './backoff.js'
import { Channel, errorOf, type Reply } from './channel.js'
import { Emitter } from './emitter.js'
import { ParleyError } from './errors.js'
import { Liveness } from './liveness.js'
import type { Settings } from './options.js'
import { Socket } from './socket.js'
import { Tokens } from './tokens.js'
import { isOffline, watchWake } from './wake.js'
import { parseEvent, type RequestName, type RequestOf } from './wire.js'

/** Events that concern neither the connection itself nor a request. */
export type ContentEvent = Exclude<
  ServerEvent,
  { event: 'welcome' | 'ok' | 'error' | 'pong' | 'closing' }
>

/** The one close code that the client itself has to know; the table of all is not bundled. */
const TOKEN_EXPIRED = 4001 satisfies typeof CloseCode.tokenExpired

/** What browsers say when there was no close frame, and what the client says when it gives up. */
const ABNORMAL = 1006

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
  readonly settings: Settings
  readonly #tokens: Tokens
  #try: object | undefined
  #socket: Socket | undefined
  #channel: Channel | undefined
  #liveness: Liveness | undefined
  /** Since the last welcome: tries to come back, for the backoff, and tries that failed. */
  #retries = 0
  #failures = 0
  #reconnectAfter: number | undefined
  #cancel: () => void = () => {}
  #unwatch: () => void = () => {}

  constructor(settings: Settings) {
    super()
    this.settings = settings
    this.#tokens = new Tokens(settings.getToken, settings.clock)
  }

  /** The server has welcomed this client: requests may be sent. */
  protected abstract up(): void
  /** The connection is gone; its open requests are answered with an error after this. */
  protected abstract down(): void
  /** There will be no other connection by itself. */
  protected abstract over(error: ParleyError): void
  protected abstract received(event: ContentEvent): void

  /** Tries to connect now, unless a try is under way or `close` was called. */
  reconnectNow(): void {
    if (this.state === 'closed' || this.#try) return
    if (this.state === 'idle' || this.state === 'failed') {
      this.#retries = this.#failures = 0
      this.#unwatch = watchWake(() =>
        this.#liveness ? this.#liveness.probe() : this.reconnectNow(),
      )
    }
    this.#cancel()
    this.ended = undefined
    const current = {}
    this.#try = current
    this.#setState(this.#retries ? 'reconnecting' : 'connecting', { attempt: this.#retries })
    if (this.#try === current) void this.#connect(current)
  }

  close(): void {
    if (this.state === 'closed') return
    this.#cancel()
    this.#end('closed', new ParleyError('CLOSED', 'The client was closed'))
    this.#setState('closed', {})
  }

  /** Gives this socket up and opens another. */
  drop(reason: string): void {
    if (this.#try) this.#lost(ABNORMAL, reason)
  }

  get connected(): boolean {
    return this.#channel !== undefined
  }

  /** Sends an action that gets one answer; without a connection that is `DISCONNECTED`. */
  request<Name extends RequestName>(
    action: Name,
    fields: RequestOf<Name>,
    reply: Reply<Name>,
    id?: string,
  ): void {
    if (this.#channel) this.#channel.request(action, fields, reply, id)
    else reply(new ParleyError('DISCONNECTED', 'Not connected'))
  }

  /** Sends an action that is worth nothing later. Returns whether it was sent. */
  sendNow(action: object): boolean {
    return this.#channel?.sendNow(action) ?? false
  }

  async #connect(current: object): Promise<void> {
    const { WebSocket, url, connectTimeout, clock } = this.settings
    try {
      const token = await this.#tokens.next(this.#failures)
      if (current !== this.#try) return
      this.#cancel = clock.after(connectTimeout, () => this.drop('Connect time-out'))
      this.#socket = new Socket(WebSocket, url, token, {
        message: (data) => this.#receive(data),
        closed: (code, reason) => this.#lost(code, reason),
      })
    } catch (cause) {
      if (current !== this.#try) return
      const error = cause instanceof ParleyError ? cause : new ParleyError('TOKEN', `${cause}`)
      this.emit('error', error)
      this.drop(error.message)
    }
  }

  #receive(data: unknown): void {
    this.#liveness?.heard()
    let event: ServerEvent
    try {
      event = parseEvent(data)
    } catch (error) {
      this.emit('error', error as ParleyError)
      return
    }
    if (event.event === 'welcome') this.#welcomed(event)
    else if (this.#channel) this.#dispatch(event, this.#channel)
  }

  #dispatch(event: Exclude<ServerEvent, Welcome>, channel: Channel): void {
    if (event.event === 'ok' || (event.event === 'error' && event.id !== undefined)) {
      try {
        channel.settle(event)
      } catch (error) {
        // The request stays open: only a new connection helps.
        this.emit('error', error as ParleyError)
        this.drop('Unreadable answer')
      }
    } else if (event.event === 'error') {
      this.emit('error', errorOf(event))
    } else if (event.event === 'closing') {
      const { code, reason, reconnect_after: reconnectAfter } = event
      this.#reconnectAfter = reconnectAfter
      this.emit('closing', { code, reason, reconnectAfter })
    } else if (event.event !== 'pong') {
      this.received(event)
    }
  }

  #welcomed(welcome: Welcome): void {
    if (this.#channel || !this.#socket) return
    const { clock } = this.settings
    const channel = new Channel(this.#socket, welcome.limits.message_bytes, clock)
    this.#cancel()
    this.#channel = channel
    this.welcome = welcome
    this.#retries = this.#failures = 0
    this.#reconnectAfter = undefined
    this.#liveness = new Liveness(clock, welcome.heartbeat || DEFAULT_HEARTBEAT, {
      ping: () => channel.send({ action: 'ping' }),
      dead: () => this.drop('No sign of life'),
      oldestRequest: () => channel.oldest,
    })
    this.#watchToken(welcome)
    this.#setState('connected', {})
    this.emit('welcome', welcome)
    // A handler may have closed the client.
    if (channel === this.#channel) this.up()
  }

  #watchToken(welcome: Welcome): void {
    this.#tokens.watch(welcome.expires, () => void this.#renewToken(welcome))
  }

  /** Replaces the token in place; if the server will not, a new connection takes the new token. */
  async #renewToken(welcome: Welcome): Promise<void> {
    const channel = this.#channel
    try {
      const token = await this.#tokens.ask('expiring')
      if (channel !== this.#channel) return
      channel?.request('auth', { token }, (_, result) => {
        if (channel !== this.#channel) return
        if (result) {
          welcome.expires = result.expires
          this.#watchToken(welcome)
        } else {
          this.#reconnectAfter = 0
          this.drop('Token renewed')
        }
      })
    } catch (error) {
      if (channel !== this.#channel) return
      this.#watchToken(welcome)
      this.emit('error', error as ParleyError)
    }
  }

  #lost(code: number, reason: string): void {
    const { maxRetries, backoff, clock } = this.settings
    const attempt = this.#retries
    const detail: StateDetail = { code, reason, attempt }
    const gone = !shouldReconnect(code) || attempt >= maxRetries
    if (!this.#channel) this.#failures += 1
    if (gone || code === TOKEN_EXPIRED) this.#tokens.expire()
    this.#cancel()
    if (gone) {
      this.#end('failed', new ParleyError('FAILED', `${code} ${reason}`))
    } else {
      const wait = this.#reconnectAfter ?? backoffDelay(attempt, backoff, clock.random())
      this.#reconnectAfter = undefined
      this.#retries += 1
      this.#cancel = clock.after(wait, () => this.#retry())
      detail.retryAt = clock.now() + wait
      this.#release('reconnecting', new ParleyError('DISCONNECTED', reason))
    }
    // What was told of the loss may have closed the client, or begun the next try.
    const state = gone ? 'failed' : 'reconnecting'
    if (this.state === state && !this.#try) this.#setState(state, detail)
  }

  /** Without a network a try would only cost battery; `online` ends the wait. */
  #retry(): void {
    const { backoff, clock } = this.settings
    if (isOffline()) this.#cancel = clock.after(backoff.cap, () => this.#retry())
    else this.reconnectNow()
  }

  #end(state: ClientState, error: ParleyError): void {
    this.#unwatch()
    this.ended = error
    this.#release(state, error)
    this.over(error)
  }

  #release(state: ClientState, error: ParleyError): void {
    const channel = this.#channel
    this.#liveness?.stop()
    this.#tokens.unwatch()
    this.#socket?.abandon()
    this.#try = this.#socket = this.#channel = this.#liveness = undefined
    this.state = state
    this.down()
    channel?.abort(error)
  }

  #setState(state: ClientState, detail: StateDetail): void {
    this.state = state
    this.emit('state', state, detail)
  }
}
