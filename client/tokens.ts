import type { Clock } from './clock.js'
import { ParleyError } from './errors.js'

/**
 * Why the client asks for a token: it has none yet, the one it has is near its end, or the server
 * may have refused it (browsers do not tell a refusal from a server that is away).
 */
export type TokenReason = 'first' | 'expiring' | 'refused'

export type GetToken = (reason: TokenReason) => Promise<string> | string

/** A token is renewed this long before its end, or halfway when it has less left. */
const MARGIN = 60_000

/** After every so many failed tries the token may be the cause. */
const SUSPECT_EVERY = 4

/** Longest delay that timers take, about 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Keeps one token, and asks for the next one when there is reason to. */
export class Tokens {
  readonly #getToken: GetToken
  readonly #clock: Clock
  #token: string | undefined
  #expires = 0
  #cancel: () => void = () => {}

  constructor(getToken: GetToken, clock: Clock) {
    this.#getToken = getToken
    this.#clock = clock
  }

  /** The token for the next handshake, after this many tries in a row that failed. */
  async next(failures: number): Promise<string> {
    if (this.#token === undefined) return this.ask('first')
    if (failures % SUSPECT_EVERY === 1) return this.ask('refused')
    if (this.#expires - this.#clock.now() < 1000) return this.ask('expiring')
    return this.#token
  }

  /** Asks the application. Rejects with `TOKEN`. */
  async ask(reason: TokenReason): Promise<string> {
    try {
      const token: unknown = await this.#getToken(reason)
      if (typeof token !== 'string' || token === '') throw new TypeError('not a token')
      this.#expires = Number.POSITIVE_INFINITY
      this.#token = token
      return token
    } catch (cause) {
      throw new ParleyError('TOKEN', `getToken: ${cause}`, undefined, cause)
    }
  }

  /** The token has expired or is not wanted any more. */
  expire(): void {
    this.#expires = 0
  }

  /** The server says when the token expires: calls `renew` in good time before that. */
  watch(expires: number, renew: () => void): void {
    this.#expires = expires
    const left = expires - this.#clock.now()
    // Without a second left this clock or the server's is wrong: ask seldom, not in a circle.
    const wait = left > 1000 ? Math.max(1000, left - Math.min(MARGIN, left / 2)) : MARGIN
    this.unwatch()
    this.#cancel = this.#clock.after(Math.min(wait, LONGEST_TIMER), renew)
  }

  unwatch(): void {
    this.#cancel()
  }
}
