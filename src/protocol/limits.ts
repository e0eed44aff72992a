/**
 * The limits of the wire that no setting changes: both sides may rely on them.
 * Limits that an operator sets (message size, rooms per connection …) travel in `welcome.limits`.
 */

/** Version of the protocol, sent in `welcome.version`. */
export const PROTOCOL_VERSION = 1

/** The WebSocket subprotocol of `/chat` (RFC 6455, section 1.9). */
export const SUBPROTOCOL = 'parley.v1'

/** Prefix of the subprotocol entry that carries a token: `bearer.<jwt>`. Never echoed. */
export const BEARER_PREFIX = 'bearer.'

/** Longest action `id` (and `Idempotency-Key`), in Unicode code points. */
export const MAX_ID_LENGTH = 64

/** Longest room name, user id and nick, in Unicode code points. */
export const MAX_NAME_LENGTH = 128

/** Most messages in one page: a `history` page and the messages of a `join` reply. */
export const MAX_PAGE_MESSAGES = 1000

/** Messages in a page when the request does not say how many. */
export const DEFAULT_PAGE_MESSAGES = 100

/** Most members in one `members` page. */
export const MAX_PAGE_MEMBERS = 1000

/** Most members listed in a `join` reply; `count` always counts them all. */
export const MAX_MEMBERS_IN_JOIN = 100

/** Deepest nesting of arrays and objects in `msg`. */
export const MAX_MSG_DEPTH = 64

/** Malformed messages in a row that close the connection with 4502. */
export const MAX_MALFORMED_IN_A_ROW = 10
