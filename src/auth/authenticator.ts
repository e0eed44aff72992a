import { ParleyError } from '../errors.js'
import type { Identity } from './identity.js'
import type { RevocationList } from './revocations.js'
import type { Tickets } from './tickets.js'

/** Verifies signature, times and claims of a token. Rejects with `UNAUTHORIZED`. */
export type VerifyToken = (token: string, expiredFor?: number) => Promise<Identity>

export interface AuthenticatorOptions {
  readonly verifyToken: VerifyToken
  readonly tickets: Tickets
  readonly revocations: RevocationList
}

/** Who a client is, by the token or the ticket that it shows. What was revoked counts no more. */
export class Authenticator {
  readonly #options: AuthenticatorOptions

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /**
   * Who a token stands for.
   * @param expiredFor how long ago it may have expired, milliseconds; 0 by default
   * @throws {ParleyError} `UNAUTHORIZED`, saying what is wrong; also when it was revoked.
   */
  async verify(token: string, expiredFor?: number): Promise<Identity> {
    return this.#unrevoked(await this.#options.verifyToken(token, expiredFor))
  }

  /** As `verify`, for a ticket, which is used up by this. */
  async redeem(ticket: string): Promise<Identity> {
    return this.#unrevoked(await this.#options.tickets.redeem(ticket))
  }

  #unrevoked(identity: Identity): Identity {
    if (!this.#options.revocations.covers(identity)) return identity
    throw new ParleyError('UNAUTHORIZED', 'the token was revoked')
  }
}
