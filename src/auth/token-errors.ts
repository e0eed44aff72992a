import { ParleyError } from '../errors.js'

/** What is wrong with a token, by the code of the error that verification throws. */
const REASONS: Readonly<Record<string, string>> = {
  FAST_JWT_EXPIRED: 'the token has expired',
  FAST_JWT_INACTIVE: 'the token is not valid yet',
  FAST_JWT_MALFORMED: 'the token is malformed',
  FAST_JWT_INVALID_TYPE: 'the token is malformed',
  FAST_JWT_INVALID_PAYLOAD: 'the token is malformed',
  FAST_JWT_INVALID_SIGNATURE: 'the token’s signature is wrong',
  FAST_JWT_MISSING_SIGNATURE: 'the token is not signed',
  FAST_JWT_INVALID_ALGORITHM: 'the token’s algorithm is not allowed',
  FAST_JWT_MISSING_REQUIRED_CLAIM: 'the token lacks a claim that is required: sub, exp',
  FAST_JWT_INVALID_CLAIM_VALUE: 'the token is for another issuer or audience',
}

/** Verification errors that only say that another key may fit. */
const OTHER_KEY = new Set(['FAST_JWT_INVALID_SIGNATURE', 'FAST_JWT_INVALID_ALGORITHM'])

/** Whether it makes sense to try the next key after this error. */
export function mayFitAnotherKey(error: unknown): boolean {
  return OTHER_KEY.has(codeOf(error))
}

/** Every error of verification as `UNAUTHORIZED`, without anything of the token in it. */
export function toUnauthorized(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error
  return new ParleyError('UNAUTHORIZED', REASONS[codeOf(error)] ?? 'the token is not valid')
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code)
}
