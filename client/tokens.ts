import type { Clock } from './clock.js'

/**
 * Why the client asks for a token: it has none yet, the one it has is near its end, or the server
 * may have refused it (browsers do not tell a refusal from a server that is away).
 */
export type TokenReason = 'first' | 'expiring' | 'refused'

export type GetToken = (reason: TokenReason) => Promise<string> | string

/** A token is renewed this long before its end, or halfway when it has less left. */
const MARGIN = 60_000

/** Longest delay that timers take, about 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Keeps one token, and asks for the next one when there is reason to. */
export interface Tokens {
  /** The token for the next handshake; `suspect`: the last one may have been refused. */
  next(suspect: boolean): Promise<string>
  /** Asks the application. Rejects with what it throws. */
  ask(reason: TokenReason): Promise<string>
  /** The server says when the token expires: calls `renew` in good time before that. */
  watch(expires: number, renew: () => void): void
  unwatch(): void
}

export function keepTokens(getToken: GetToken, clock: Clock): Tokens {
  let token: string
  let tokenExpires = 0
  let unwatch = () => {}

  async function ask(reason: TokenReason): Promise<string> {
    const next = await getToken(reason)
    if (typeof next !== 'string') throw new TypeError('no string')
    tokenExpires = Number.POSITIVE_INFINITY
    token = next
    return token
  }

  return {
    ask,
    async next(suspect) {
      if (!token) return ask('first')
      if (suspect) return ask('refused')
      return tokenExpires - clock.now() < 1000 ? ask('expiring') : token
    },
    watch(expires, renew) {
      tokenExpires = expires
      const left = expires - clock.now()
      // Without a second left this clock or the server's is wrong: ask seldom, not in a circle.
      const wait = left > 1000 ? Math.max(1000, left - Math.min(MARGIN, left / 2)) : MARGIN
      unwatch()
      unwatch = clock.after(Math.min(wait, LONGEST_TIMER), renew)
    },
    unwatch: () => unwatch(),
  }
}
