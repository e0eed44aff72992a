import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type AnyErrorCode, errors } from '../errors.js'

/** Answers in one turn of the event loop: about a millisecond of work. */
const PER_TURN = 20

/** What node:http says of a connection whose bytes never became a request. */
type ClientError = NodeJS.ErrnoException

interface Refused {
  readonly socket: Socket
  readonly code: AnyErrorCode
}

/**
 * Answers connections that send no request: too slowly, too much or no HTTP. Node notices the slow
 * ones together, thousands of them in one turn when thousands were opened together; they are
 * answered some at a time, so that everybody else is served in between.
 * @param count called with the code of each answer, for the metrics
 */
export class ClientErrors {
  readonly #count: (code: AnyErrorCode) => void
  #waiting: Refused[] = []
  #next = 0

  constructor(count: (code: AnyErrorCode) => void) {
    this.#count = count
  }

  /** Takes a connection that node:http has given up on. Never throws. */
  refuse(error: ClientError, socket: Socket): void {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    if (this.#waiting.push({ socket, code: codeOf(error) }) === 1)
      setImmediate(() => this.#answer())
  }

  #answer(): void {
    const end = Math.min(this.#next + PER_TURN, this.#waiting.length)
    while (this.#next < end) {
      const { socket, code } = this.#waiting[this.#next++] as Refused
      this.#count(code)
      if (socket.writable) socket.write(ANSWERS[code] as string)
      // At once: whoever sends so slowly may read as slowly.
      socket.destroy()
    }
    if (this.#next < this.#waiting.length) setImmediate(() => this.#answer())
    else {
      this.#waiting = []
      this.#next = 0
    }
  }
}

function codeOf({ code }: ClientError): AnyErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_HTTP'
}

/** Complete responses, made once. */
const ANSWERS: Partial<Record<AnyErrorCode, string>> = Object.fromEntries(
  (['REQUEST_TIMEOUT', 'HEADERS_TOO_LARGE', 'BAD_HTTP'] as const).map((code) => {
    const { status: statusCode, meaning: message } = errors[code]
    const error = STATUS_CODES[statusCode]
    const body = JSON.stringify({ statusCode, code, error, message })
    const head = [
      `HTTP/1.1 ${statusCode} ${error}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    return [code, `${head.join('\r\n')}\r\n\r\n${body}`]
  }),
)
