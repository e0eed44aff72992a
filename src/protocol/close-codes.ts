/**
 * WebSocket close codes that Parley sends, with the reason that goes with each.
 * 1000–1015 are those of RFC 6455, section 7.4.1; 4000–4999 are ours.
 */
export const CloseCode = {
  normal: 1000,
  /** Nothing came from the client for `IDLE_TIMEOUT_SECONDS`, or the server goes away. */
  goingAway: 1001,
  protocolError: 1002,
  /** A binary message on `/chat`. */
  unsupportedData: 1003,
  invalidPayload: 1007,
  tooLarge: 1009,
  internalError: 1011,
  /** Draining for a restart. */
  serviceRestart: 1012,
  /** Overloaded. */
  tryAgainLater: 1013,
  tokenExpired: 4001,
  /** More than `MAX_BUFFERED_BYTES` were waiting for this client. */
  slowConsumer: 4008,
  /** Nothing came from the client for two heartbeat intervals. */
  heartbeatLost: 4009,
  rateLimited: 4029,
  /** The token was revoked or an administrator disconnected the user. */
  revoked: 4501,
  /** Malformed messages in a row. */
  protocolViolation: 4502,
  /** Connection limit of this user. */
  connectionLimit: 4503,
} as const

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

/**
 * Whether a client should connect again after this close code: 1001, 1006, 1011–1014 and
 * 4000–4499 say yes; everything else says no. 1005 (no code given) counts as 1006.
 */
export function shouldReconnect(code: number): boolean {
  if (code === 1001 || code === 1005 || code === 1006) return true
  if (code >= 1011 && code <= 1014) return true
  return code >= 4000 && code <= 4499
}
