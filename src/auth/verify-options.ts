import type { Config } from '../config.js'
import type { VerificationKey } from './keys.js'

/** How many verified tokens of a public key are remembered: RS256 and ES256 are dear to verify. */
const CACHED_TOKENS = 1000

/** How tokens are verified with a key: algorithms pinned, `sub` and `exp` required. */
export function verifyOptions({ signs, algorithms }: VerificationKey, config: Config) {
  return {
    algorithms: [...algorithms] as 'HS256'[],
    requiredClaims: ['sub', 'exp'],
    cache: signs ? false : CACHED_TOKENS,
    ...(config.jwtIssuer && { allowedIss: config.jwtIssuer }),
    ...(config.jwtAudience && { allowedAud: config.jwtAudience }),
  }
}
