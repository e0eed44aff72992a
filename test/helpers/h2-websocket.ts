import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import * as ws from 'ws'
import { WebSocket } from 'ws'

/** An answer of HTTP/2 that opened no WebSocket. */
export class Refusal extends Error {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string

  constructor(headers: IncomingHttpHeaders, body: string) {
    super(`Unexpected server response: ${headers[':status']}`)
    this.status = Number(headers[':status'])
    this.headers = headers
    this.body = body
  }
}

interface Internals {
  _isServer: boolean
  _protocol: string
  _extensions: Record<string, unknown>
  setSocket(socket: ClientHttp2Stream, head: Buffer, options: object): void
}

interface Options {
  readonly headers?: Record<string, string> | undefined
  /** The connection to use. Default: one for all sockets of the same server, made when needed. */
  readonly session?: ClientHttp2Session | undefined
}

const sessions = new Map<string, ClientHttp2Session>()

/** The connection that sockets of this server share; a certificate that nobody vouches for is taken. */
export function sessionTo(url: string): ClientHttp2Session {
  const { origin } = new URL(url.replace(/^ws/, 'http'))
  const known = sessions.get(origin)
  if (known && !known.destroyed && !known.closed) return known
  const session = connect(origin, { rejectUnauthorized: false })
  session.on('error', () => {})
  session.setMaxListeners(0)
  sessions.set(origin, session)
  session.on('close', () => sessions.get(origin) === session && sessions.delete(origin))
  // The test may end while it is open.
  session.unref()
  return session
}

/** Sends an extended CONNECT once the server has said that it takes them. */
export async function extendedConnect(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): Promise<ClientHttp2Stream> {
  while (!session.remoteSettings?.enableConnectProtocol) {
    await new Promise((resolve, reject) => {
      session.once('remoteSettings', resolve)
      session.once('close', () => reject(new Error('the connection closed')))
    })
  }
  return session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': path,
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  )
}

/**
 * A WebSocket over HTTP/2 (RFC 8441) with the interface of ws' client, so that whatever takes that,
 * the client library too, can be driven over HTTP/2.
 */
export class Http2WebSocket extends WebSocket {
  constructor(url: string, protocols: string | string[] = [], { headers, session }: Options = {}) {
    // Without an address ws makes a socket that is handed its stream later.
    const options = { autoPong: true, closeTimeout: 2000, maxPendingAutoPongs: 60 }
    super(null as unknown as string, undefined, options as object)
    const offered = [protocols].flat().join(', ')
    const { pathname, search } = new URL(url)
    void this.#open(session ?? sessionTo(url), `${pathname}${search}`, {
      ...(offered && { 'sec-websocket-protocol': offered }),
      ...headers,
    })
  }

  async #open(session: ClientHttp2Session, path: string, headers: Record<string, string>) {
    try {
      const stream = await extendedConnect(session, path, headers)
      stream.on('error', () => {})
      const answer = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
        stream.once('response', resolve)
        stream.once('close', () => reject(new Error('the stream closed')))
      })
      if (Number(answer[':status']) !== 200) throw new Refusal(answer, await textOf(stream))
      const internals = this as unknown as Internals
      internals._isServer = false
      accept(internals, answer['sec-websocket-extensions'])
      internals._protocol = String(answer['sec-websocket-protocol'] ?? '')
      internals.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, allowSynchronousEvents: true })
    } catch (error) {
      this.emit('error', error)
      ;(this as unknown as { emitClose(): void }).emitClose()
    }
  }
}

/** Takes the extension that the server agreed to, where one was offered. */
function accept(socket: Internals, agreed: string | string[] | undefined): void {
  if (agreed === undefined) return
  const { PerMessageDeflate, extension } = ws as unknown as {
    PerMessageDeflate: new (options: object) => { accept(offers: unknown): void }
    extension: { parse(header: string): Record<string, unknown> }
  }
  const deflate = new PerMessageDeflate({ isServer: false, threshold: 0 })
  deflate.accept(extension.parse(String(agreed))['permessage-deflate'])
  socket._extensions['permessage-deflate'] = deflate
}

/** Everything that comes until the end of a stream. */
export async function textOf(stream: ClientHttp2Stream): Promise<string> {
  let text = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream) text += chunk
  return text
}
