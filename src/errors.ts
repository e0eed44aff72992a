import type { ErrorCode } from './protocol/error-codes.js'

/** One error code: the HTTP status it has on REST and handshakes, what it means, what to do about it. */
export interface ErrorDefinition {
  /** HTTP status; undefined for codes that only travel in `error` events. */
  readonly status: number | undefined
  readonly meaning: string
  readonly remedy: string
}

const defineErrors = <T extends Record<ErrorCode, ErrorDefinition>>(table: T) => table

/**
 * Every error code of the service, on WebSocket and on HTTP. `docs/errors.md` is generated from
 * this table and a test fails when the two differ.
 */
export const errors = defineErrors({
  BAD_JSON: {
    status: 400,
    meaning: 'The message or body is not a JSON object.',
    remedy: 'Send one JSON object per text message, at least `{"action": "ping"}`.',
  },
  BAD_ACTION: {
    status: undefined,
    meaning: 'The `action` field is missing or names no action.',
    remedy: 'Use one of the actions of the protocol; names are case-sensitive.',
  },
  BAD_FIELD: {
    status: 400,
    meaning: 'A field is missing or breaks its rule. The message names the field and the rule.',
    remedy: 'Correct the field; the same message will fail again.',
  },
  NOT_A_MEMBER: {
    status: undefined,
    meaning: 'This connection has not joined the room, or has left it.',
    remedy: 'Send `join` first and wait for its `ok`.',
  },
  FORBIDDEN: {
    status: 403,
    meaning: 'The token does not grant this room or this operation.',
    remedy: 'Ask for a token whose `rooms` or `scope` claim covers it.',
  },
  ROOM_LIMIT: {
    status: undefined,
    meaning: 'This connection is in `MAX_ROOMS_PER_CONNECTION` rooms already.',
    remedy: 'Leave a room, or open another connection.',
  },
  RATE_LIMITED: {
    status: 429,
    meaning:
      'More actions than `RATE_LIMIT_MESSAGES` and `RATE_LIMIT_BURST` allow, or more requests than `RATE_LIMIT_REQUESTS`.',
    remedy:
      'Send the same again after `retry_after` milliseconds or `Retry-After` seconds. A connection that keeps on is closed with 4029.',
  },
  TOO_LARGE: {
    status: 413,
    meaning: 'The message is larger than `MAX_MESSAGE_BYTES`.',
    remedy: 'Send less, or store the data elsewhere and send its address.',
  },
  UNAUTHORIZED: {
    status: 401,
    meaning: 'The token is missing, malformed, expired, or signed, issued or addressed wrongly.',
    remedy: 'Get a new token and connect again. `WWW-Authenticate` says what was wrong.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    meaning:
      'The log cannot take or give messages now; what was sent is not acknowledged, though in rare cases stored.',
    remedy: 'Send the same message with the same `id` again after `retry_after` milliseconds.',
  },
  INTERNAL: {
    status: 500,
    meaning: 'The server failed in a way it did not foresee. The log has the details.',
    remedy: 'Try again later; report it with the time and the connection id.',
  },
  ORIGIN_NOT_ALLOWED: {
    status: 403,
    meaning: 'The `Origin` of the handshake is not the server’s own and not in `ALLOWED_ORIGINS`.',
    remedy: 'Add the origin to `ALLOWED_ORIGINS`, exactly as the browser sends it.',
  },
  BAD_HANDSHAKE: {
    status: 400,
    meaning: 'The WebSocket handshake breaks RFC 6455, section 4.2.1.',
    remedy:
      'Use a WebSocket client over HTTP/1.1 with one `Host` header; check what proxies change.',
  },
  BAD_HTTP: {
    status: 400,
    meaning: 'What came is no HTTP/1.1 request.',
    remedy: 'Check which protocol the client speaks: TLS and plain text are often mixed up.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    meaning: 'The headers of the request are larger than 16 KiB.',
    remedy: 'Send a shorter token and fewer cookies.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    meaning: 'The request did not arrive within 10 seconds of the connection’s opening.',
    remedy: 'Connect when there is something to send, and send it at once.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    meaning: 'A plain HTTP request to a WebSocket endpoint.',
    remedy:
      'Connect with a WebSocket client; check that proxies pass `Upgrade` and `Connection` on.',
  },
  DRAINING: {
    status: 503,
    meaning: 'The server is about to stop and takes no new connections.',
    remedy: 'Connect again after `Retry-After` seconds; another node may answer.',
  },
  KEYS_UNAVAILABLE: {
    status: 503,
    meaning: 'The keys of `JWT_JWKS_URL` cannot be fetched, so that no token can be verified.',
    remedy: 'Try again after `Retry-After` seconds; the server’s log says what fails.',
  },
  TOO_MANY_CONNECTIONS: {
    status: 429,
    meaning: 'One of the limits `MAX_CONNECTIONS…` is reached; the message says which.',
    remedy: 'Close connections, or raise the limit.',
  },
  OUT_OF_ORDER: {
    status: 409,
    meaning: 'Actions before the posted ones are missing; the message says which comes next.',
    remedy: 'Post them again from there. A client that waits for each answer never sees this.',
  },
  NOT_FOUND: {
    status: 404,
    meaning: 'There is no such route, room, user or connection.',
    remedy: 'Check the address; room names must be percent-encoded in a URL.',
  },
})

/** Every error code, wire and HTTP. */
export type AnyErrorCode = keyof typeof errors

export interface ParleyErrorOptions {
  /** When trying again makes sense, milliseconds. */
  readonly retryAfter?: number
  /** Instead of the status of the table. */
  readonly statusCode?: number
  readonly cause?: unknown
}

/**
 * An error that the client is told as it is. Fastify turns it into
 * `{statusCode, code, error, message}`; the dispatcher of actions into an `error` event.
 */
export class ParleyError extends Error {
  override readonly name = 'ParleyError'
  readonly code: AnyErrorCode
  readonly statusCode: number
  readonly retryAfter: number | undefined

  constructor(code: AnyErrorCode, message?: string, options: ParleyErrorOptions = {}) {
    const { stackTraceLimit } = Error
    // What the client is told as it is comes by the thousand in a flood: a stack would cost more
    // than the rest of the refusal, and lead nowhere. `INTERNAL` keeps it.
    if (code !== 'INTERNAL') Error.stackTraceLimit = 0
    super(message ?? errors[code].meaning, { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.statusCode = options.statusCode ?? errors[code].status ?? 400
    this.retryAfter = options.retryAfter
  }
}
