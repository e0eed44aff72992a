import { constants, type OutgoingHttpHeaders } from 'node:http2'

/** Fields that mean something only between two hops of HTTP/1.1 (RFC 9113, section 8.2.2). */
const CONNECTION_SPECIFIC = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** Proves that a server of HTTP/1.1 knows WebSockets; not sent here (RFC 8441, section 5). */
const ACCEPT = 'sec-websocket-accept'

const END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

/** The head of an answer, as HTTP/2 has it. */
export interface AnswerHead {
  readonly headers: OutgoingHttpHeaders
  /** The handshake succeeded: what follows are WebSocket frames. */
  readonly accepted: boolean
  /** Bytes of the body, when the answer says how many. */
  readonly length: number | undefined
}

/**
 * Turns the head of an HTTP/1.1 answer to a handshake into one of HTTP/2: `101` becomes `200`
 * (RFC 8441, section 5), any other status stays what it is. Takes the bytes as they are written.
 */
export class HandshakeAnswer {
  #bytes: Buffer = NOTHING

  /**
   * Takes the next bytes. Returns undefined while the head is not complete; then the head, and the
   * bytes behind it.
   * @throws {Error} when it is not the head of an HTTP/1.1 answer
   */
  take(bytes: Buffer): { head: AnswerHead; rest: Buffer } | undefined {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    for (;;) {
      const end = this.#bytes.indexOf(END)
      if (end < 0) return undefined
      const lines = this.#bytes.toString('latin1', 0, end).split('\r\n')
      const rest = this.#bytes.subarray(end + END.length)
      const status = statusOf(lines.shift())
      if (status >= 200 || status === 101) {
        this.#bytes = NOTHING
        return { head: translate(status, lines), rest }
      }
      // An interim answer (100, 102, 103): of no use to a handshake.
      this.#bytes = rest
    }
  }
}

function statusOf(line = ''): number {
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(line)?.[1]
  if (status === undefined) throw new Error('the answer to a handshake is no HTTP/1.1')
  return Number(status)
}

function translate(status: number, lines: readonly string[]): AnswerHead {
  const accepted = status === 101
  const headers: OutgoingHttpHeaders = { [constants.HTTP2_HEADER_STATUS]: accepted ? 200 : status }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (CONNECTION_SPECIFIC.has(name) || name === ACCEPT) continue
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat().map(String)
  }
  const length = headers['content-length']
  return { headers, accepted, length: length === undefined ? undefined : Number(length) }
}
