import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type AnyEvent, ProtocolClient } from './protocol-client.js'

export interface StreamOptions {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly token?: string
  /** Query of the stream, without `?`. */
  readonly query?: string
  readonly headers?: Record<string, string>
  /** Where actions are posted, by default to the same server. */
  readonly postUrl?: string
}

/** What a server answers to a request. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/**
 * A bare client of the protocol over Server-Sent Events, by nothing but Node. It reads the format
 * as the standard has it (WHATWG HTML, section 9.2.6).
 */
export class StreamClient extends ProtocolClient {
  readonly options: StreamOptions
  /** Resolves with the response's headers, or rejects with its status and body. */
  readonly opened: Promise<IncomingMessage['headers']>
  /** Resolves with the `close` event, or with nothing when there was none. */
  readonly closed: Promise<{ code: number; reason: string } | undefined>
  /** What goes into `Last-Event-ID`. */
  lastEventId = ''
  /** What the server says an `EventSource` should wait, milliseconds. */
  retry: number | undefined
  /** Comments so far. */
  readonly comments: string[] = []
  /** The response, to stop reading it. */
  response: IncomingMessage | undefined
  readonly #request: ClientRequest
  #end: { code: number; reason: string } | undefined
  #sequence = 1
  #posts: Promise<unknown> = Promise.resolve()

  constructor(options: StreamOptions) {
    super()
    this.options = options
    const { url, query, headers } = options
    const search = query === undefined ? '' : `?${query}`
    this.#request = request(`${url}/chat/events${search}`, {
      headers: { ...this.#authorization, ...headers },
      agent: false,
    })
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      this.#request.once('response', resolve).once('error', reject)
    })
    this.opened = response.then((response) => this.#opened(response))
    this.opened.catch(() => {})
    this.closed = response
      .then((response) => new Promise((resolve) => response.once('close', resolve)))
      .then(() => this.#end)
    this.closed.catch(() => {})
    this.#request.end()
  }

  get connection(): string {
    return String(this.events[0]?.connection)
  }

  /** Posts an action, after those before, with its number. */
  send(message: object | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    const sequence = this.#sequence++
    this.#posts = this.#posts.then(() => this.post(text, { sequence }))
  }

  /** Posts a body. */
  async post(
    body: string | Buffer,
    options: { sequence?: number; type?: string; connection?: string; token?: string } = {},
  ): Promise<Answer> {
    const { sequence, type = 'application/json', connection = this.connection, token } = options
    const query = new URLSearchParams({ connection })
    if (sequence !== undefined) query.set('sequence', String(sequence))
    const { url, postUrl = url } = this.options
    const authorization =
      token === undefined ? this.#authorization : { authorization: `Bearer ${token}` }
    const response = await fetch(`${postUrl}/chat/actions?${query}`, {
      method: 'POST',
      body,
      headers: { ...authorization, 'content-type': type },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) }
  }

  /** Breaks the connection off. */
  terminate(): void {
    this.#request.destroy()
  }

  get #authorization(): Record<string, string> {
    const { token } = this.options
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  async #opened(response: IncomingMessage): Promise<IncomingMessage['headers']> {
    this.response = response
    response.on('error', () => {})
    response.setEncoding('utf8')
    if (response.statusCode !== 200) {
      let body = ''
      for await (const chunk of response) body += chunk
      throw Object.assign(new Error(`${response.statusCode} ${body}`), {
        status: response.statusCode,
        headers: response.headers,
        body: JSON.parse(body),
      })
    }
    let line = ''
    let fields: Record<string, string> = {}
    response.on('data', (chunk: string) => {
      const lines = (line + chunk).split(/\r\n|\r|\n/)
      line = lines.pop() as string
      for (const each of lines) {
        if (each === '') {
          this.#dispatch(fields)
          fields = {}
        } else if (each.startsWith(':')) {
          this.comments.push(each.slice(1).trim())
        } else {
          const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(each) ?? []
          fields[name] = value
        }
      }
    })
    return response.headers
  }

  #dispatch({ id, data, event, retry }: Record<string, string>): void {
    if (id !== undefined) this.lastEventId = id
    if (retry !== undefined) this.retry = Number(retry)
    if (data === undefined) return
    if (event === 'close') this.#end = JSON.parse(data)
    else this.received(JSON.parse(data) as AnyEvent)
  }
}
