import { ParleyError } from '../errors.js'
import { BEARER_PREFIX, SUBPROTOCOL } from '../protocol/limits.js'

/** The parts of a request in which a token may travel. */
export interface TokenCarrier {
  readonly authorization: string | undefined
  readonly subprotocols: string | undefined
  readonly cookie: string | undefined
  /** Query string without `?`. */
  readonly query: string
}

/** Longest token that is looked at, in characters. */
const MAX_TOKEN_LENGTH = 8192

const JWT_SHAPE = /(^|[=&])ey[\w-]+\.[\w-]+\.[\w-]*(&|$)/

/**
 * Finds the token of a request; first match wins: `Authorization: Bearer`, the subprotocol entry
 * `bearer.<jwt>`, the cookie named `cookieName`.
 * @returns the token, or undefined when there is none.
 * @throws {ParleyError} `UNAUTHORIZED` for a token in the query string, where logs and histories
 *   would keep it (RFC 6750, section 5.3), for an empty, doubled or oversized one.
 */
export function findToken(from: TokenCarrier, cookieName: string | undefined): string | undefined {
  if (JWT_SHAPE.test(from.query)) {
    throw new ParleyError('UNAUTHORIZED', 'a token must not travel in the query string')
  }
  const token =
    fromAuthorization(from.authorization) ??
    fromSubprotocols(from.subprotocols) ??
    (cookieName === undefined ? undefined : fromCookie(from.cookie, cookieName))
  if (token === undefined) return undefined
  if (token === '') throw new ParleyError('UNAUTHORIZED', 'the token is empty')
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new ParleyError('UNAUTHORIZED', `the token is longer than ${MAX_TOKEN_LENGTH} characters`)
  }
  return token
}

/** The subprotocol to answer with: `parley.v1` when it was offered, never a token. */
export function selectSubprotocol(offered: string | undefined): string | undefined {
  return splitList(offered).includes(SUBPROTOCOL) ? SUBPROTOCOL : undefined
}

function fromAuthorization(header: string | undefined): string | undefined {
  const match = /^bearer(?:[ \t]+(.*))?$/i.exec(header?.trim() ?? '')
  return match ? (match[1] ?? '').trim() : undefined
}

function fromSubprotocols(header: string | undefined): string | undefined {
  const entries = splitList(header).filter((entry) => entry.startsWith(BEARER_PREFIX))
  if (entries.length > 1) {
    throw new ParleyError('UNAUTHORIZED', `more than one ${BEARER_PREFIX}… subprotocol was offered`)
  }
  return entries[0]?.slice(BEARER_PREFIX.length)
}

function fromCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [key, value] = pair.split('=', 2)
    if (key?.trim() === name && value !== undefined) return value.trim().replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

function splitList(header: string | undefined): string[] {
  return header?.split(',').map((entry) => entry.trim()) ?? []
}
