import type { Identity } from './identity.js'

/** Tokens that count no longer, though their signature and times are good. */
export type Revocation = {
  /** How long this has to be remembered, milliseconds since 1970: until the tokens expire. */
  readonly expires: number
} & (
  | { readonly tokenId: string }
  /** Every token of a user that was issued up to `issuedUntil`, or does not say when. */
  | { readonly user: string; readonly issuedUntil: number }
)

/** Revocations are remembered by the broker under keys with this prefix. */
export const REVOCATION_PREFIX = 'revoked/'

/** The key that the broker remembers a revocation under. A user's newer one replaces the older. */
export function revocationKey(revocation: Revocation): string {
  const about = 'tokenId' in revocation ? `token/${revocation.tokenId}` : `user/${revocation.user}`
  return REVOCATION_PREFIX + about
}

/** Every revocation that is in force, as this node knows them. */
export class RevocationList {
  readonly #byToken = new Map<string, number>()
  readonly #byUser = new Map<string, { issuedUntil: number; expires: number }>()

  add(revocation: Revocation): void {
    const { expires } = revocation
    if ('tokenId' in revocation) this.#byToken.set(revocation.tokenId, expires)
    else {
      const known = this.#byUser.get(revocation.user)
      const issuedUntil = Math.max(revocation.issuedUntil, known?.issuedUntil ?? 0)
      this.#byUser.set(revocation.user, { issuedUntil, expires })
    }
  }

  /** Whether the token of this identity was revoked. */
  covers({ tokenId, user, issued }: Identity): boolean {
    if (tokenId !== undefined && this.#byToken.has(tokenId)) return true
    const ofUser = this.#byUser.get(user)
    // `iat` has whole seconds: a token of the very second of the revocation is revoked too.
    return ofUser !== undefined && (issued === undefined || issued <= ofUser.issuedUntil)
  }

  /** Forgets what is no longer needed. */
  sweep(now: number): void {
    for (const [id, expires] of this.#byToken) if (expires <= now) this.#byToken.delete(id)
    for (const [user, { expires }] of this.#byUser) if (expires <= now) this.#byUser.delete(user)
  }
}
