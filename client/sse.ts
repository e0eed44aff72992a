import type { Clock } from './clock.js'
import type { SocketConstructor, SocketLike } from './socket.js'

/**
 * What stands in for a WebSocket where none opens: events come down one response that does not
 * end, actions go up in requests. A chunk of its own, which only those load who need it.
 */

/** What a token has before it as a subprotocol; of its own, so that no chunk is shared. */
const BEARER = 'bearer.'

const DATA = 'data: '

const ABNORMAL = 1006
const GOING_AWAY = 1001
const TOO_LARGE = 1009

/** Actions that are waiting go up together, as long as they are no longer than this. */
const BATCH_LENGTH = 16_384

/** First and longest wait before a request is made again, milliseconds. */
const RETRY = 250
const LONGEST_RETRY = 4000

/** First and longest wait before it is tried whether a WebSocket opens, and how long that may take. */
const PROBE = 10_000
const LONGEST_PROBE = 600_000
const PROBE_TIMEOUT = 5000

/** How long this way is tried first, milliseconds. */
const KEPT = 600_000

/**
 * Server-Sent Events and POST behind the face of a WebSocket: `createClient({ WebSocket:
 * EventStreamSocket })` uses it and nothing else. Needs `fetch` with streams.
 */
export class EventStreamSocket implements SocketLike {
  bufferedAmount = 0
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  protected token: string
  readonly #url: URL
  readonly #over = new AbortController()
  readonly #queue: string[] = []
  #connection: string | undefined
  /** Number of the first action in the queue. */
  #sequence = 1
  #posting = false

  constructor(url: string, protocols: string[]) {
    this.#url = new URL(url)
    this.#url.protocol = this.#url.protocol.replace('ws', 'http')
    this.token = (protocols.at(-1) ?? '').replace(BEARER, '')
    void this.#read()
  }

  send(action: string): void {
    // What is posted from now on needs the token that the connection will have.
    if (action.startsWith('{"action":"auth"')) this.token = JSON.parse(action).token
    this.#queue.push(action)
    this.bufferedAmount += action.length
    void this.#post()
  }

  close(): void {
    this.#over.abort()
  }

  /** Whether it is closed. */
  protected get over(): boolean {
    return this.#over.signal.aborted
  }

  /** The connection stands. */
  protected welcomed(): void {}

  /** Says, once, that it has closed. */
  protected end(code: number, reason: string): void {
    if (this.over) return
    this.close()
    ;(this.onclose as ((event: object) => void) | null)?.({ code, reason })
  }

  async #read(): Promise<void> {
    try {
      const { ok, status, headers, body } = await this.#fetch('events', { cache: 'no-store' })
      // A page of somebody's in between is no stream.
      const isStream = headers.get('content-type')?.startsWith('text/event-stream')
      if (!ok || !isStream || !body) {
        this.end(ABNORMAL, `HTTP ${status}`)
        return
      }
      const reader = body.getReader()
      const decoder = new TextDecoder()
      let text = ''
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        const from = Math.max(0, text.length - 1)
        text += decoder.decode(value, { stream: true })
        if (!text.includes('\n\n', from)) continue
        const events = text.split('\n\n')
        text = events.pop() as string
        for (const event of events) if (!this.over) this.#event(event)
      }
    } catch {
      // The network's errors say no more than that it has closed.
    }
    this.end(ABNORMAL, '')
  }

  /** One event or comment, as the server writes them: one line of data. */
  #event(event: string): void {
    if (event.startsWith(':')) {
      // Its ping. Any action is a sign of life.
      if (!this.#queue.length) this.send('{"action":"ping"}')
      return
    }
    const lines = event.split('\n')
    const data = lines.find((line) => line.startsWith(DATA))?.slice(DATA.length)
    if (!data) return
    if (lines.includes('event: close')) {
      const { code, reason } = JSON.parse(data)
      this.end(code, reason)
      return
    }
    if (!this.#connection) {
      this.#connection = JSON.parse(data).connection
      this.welcomed()
      void this.#post()
    }
    ;(this.onmessage as ((event: object) => void) | null)?.({ data })
  }

  /** Posts what is in the queue, one request after the other, so that nothing overtakes. */
  async #post(): Promise<void> {
    if (this.#posting || !this.#connection) return
    this.#posting = true
    while (this.#queue.length && !this.over) {
      let length = 0
      const end = this.#queue.findIndex((action, i) => {
        length += action.length
        return i && length > BATCH_LENGTH
      })
      const batch = this.#queue.slice(0, end < 0 ? undefined : end)
      await this.#deliver(batch.join('\n'))
      this.#sequence += batch.length
      for (const action of this.#queue.splice(0, batch.length)) this.bufferedAmount -= action.length
    }
    this.#posting = false
  }

  /** Posts a batch until it is taken: by its number the server knows one that it has already. */
  async #deliver(body: string): Promise<void> {
    const query = `actions?connection=${this.#connection}&sequence=${this.#sequence}`
    for (let wait = RETRY; !this.over; wait = Math.min(2 * wait, LONGEST_RETRY)) {
      try {
        const response = await this.#fetch(query, { method: 'POST', body })
        await response.text()
        const { ok, status } = response
        if (ok) return
        if (status < 500 && status !== 429) {
          this.end(status === 413 ? TOO_LARGE : ABNORMAL, `HTTP ${status}`)
        }
      } catch {
        // It may have arrived or not: the same again.
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const url = new URL(this.#url)
    const [name = '', query] = path.split('?')
    url.pathname += `/${name}`
    if (query) url.search = query
    const headers = {
      authorization: `Bearer ${this.token}`,
      ...(init.body && { 'content-type': 'application/x-ndjson' }),
    }
    return fetch(url, { ...init, headers, signal: this.#over.signal })
  }
}

/**
 * The same as a fallback: while it is connected it tries now and then whether a WebSocket opens,
 * and closes when one does.
 * @param keep told until when tries should go this way first, milliseconds since 1970; may throw
 */
export function fallbackSocket(
  WebSocket: SocketConstructor,
  clock: Clock,
  keep: (until: number) => void,
): SocketConstructor {
  function remember(socketOpens: boolean): void {
    try {
      keep(socketOpens ? 0 : clock.now() + KEPT)
    } catch {
      // There is no storage: the client itself knows.
    }
  }

  return class extends EventStreamSocket {
    readonly #target: [url: string, protocols: string[]]
    #stop = () => {}

    constructor(url: string, protocols: string[]) {
      super(url, protocols)
      this.#target = [url, protocols]
    }

    override close(): void {
      super.close()
      this.#stop()
    }

    protected override welcomed(): void {
      remember(false)
      this.#probeAfter(PROBE)
    }

    #probeAfter(wait: number): void {
      if (this.over) return
      this.#stop = clock.after(wait * (0.5 + clock.random()), () => this.#probe(wait))
    }

    #probe(wait: number): void {
      const [url, [subprotocol = '']] = this.#target
      const socket = new WebSocket(url, [subprotocol, BEARER + this.token])
      const done = (works: boolean) => {
        this.#stop()
        remember(works)
        if (works) this.end(GOING_AWAY, 'A WebSocket opens')
        else this.#probeAfter(Math.min(6 * wait, LONGEST_PROBE))
      }
      const cancel = clock.after(PROBE_TIMEOUT, () => done(false))
      this.#stop = () => {
        cancel()
        socket.onmessage = socket.onclose = null
        socket.close()
      }
      socket.onmessage = () => done(true)
      socket.onclose = () => done(false)
      socket.onerror = () => {}
    }
  }
}
