import type { ParleyError } from './errors.js'

/** Bounds of the wait after a refusal that will pass, milliseconds. */
const SHORTEST_PAUSE = 20
const LONGEST_PAUSE = 60_000

/** The server refused for the moment: the same action may succeed later. */
export function isPassing({ code }: ParleyError): boolean {
  return code === 'RATE_LIMITED' || code === 'STORE_UNAVAILABLE'
}

/** How long to wait after such a refusal, milliseconds. */
export function pauseOf({ retryAfter = 1000 }: ParleyError): number {
  return Math.min(Math.max(retryAfter, SHORTEST_PAUSE), LONGEST_PAUSE)
}
