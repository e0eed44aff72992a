import type { ParleyError } from './errors.js'

/** Least time between two joins of a room on one connection, milliseconds. */
export const REJOIN_PAUSE = 1000

/** Bounds of the wait after a refusal that will pass, milliseconds. */
const SHORTEST_PAUSE = 20
const LONGEST_PAUSE = 60_000

/**
 * How long to wait before the same action may succeed, milliseconds. Undefined when the server did
 * not just refuse for the moment.
 */
export function pauseAfter({ code, retryAfter = 1000 }: ParleyError): number | undefined {
  if (code !== 'RATE_LIMITED' && code !== 'STORE_UNAVAILABLE') return undefined
  return Math.min(Math.max(retryAfter, SHORTEST_PAUSE), LONGEST_PAUSE)
}
