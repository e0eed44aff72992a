import jwt, { type JWT } from '@fastify/jwt'
import fp from 'fastify-plugin'
import { type Identity, identityOf } from '../src/auth/identity.js'
import { loadKeys, type VerificationKey } from '../src/auth/keys.js'
import { mayFitAnotherKey, toUnauthorized } from '../src/auth/token-errors.js'
import type { Config } from '../src/config.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

/** Signs and verifies tokens with the configured keys. */
export interface Tokens {
  /** Whether there is a key to sign with. */
  readonly canSign: boolean
  /** Signs claims with the first key. `exp` has to be among them. */
  sign(claims: { sub: string; exp: number } & Record<string, unknown>): string
  /**
   * @param expiredFor how long ago the token may have expired, milliseconds; 0 by default
   * @throws {ParleyError} `UNAUTHORIZED`, saying what is wrong, whatever it is.
   */
  verify(token: string, expiredFor?: number): Identity
}

/** How many verified tokens of a public key are remembered: RS256 and ES256 are dear to verify. */
const CACHED_TOKENS = 1000

let instances = 0

/**
 * Tokens by @fastify/jwt: one instance a key, in a namespace of its own, so that an application
 * that has its own @fastify/jwt is left alone.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const keys = loadKeys(config)
    const verifiers: JWT[] = []
    for (const key of keys) {
      const namespace = `parley${instances++}`
      await fastify.register(jwt, { namespace, ...jwtOptions(key, config) })
      verifiers.push((fastify.jwt as unknown as Record<string, JWT>)[namespace] as JWT)
    }
    const signer = verifiers[keys.findIndex(({ signs }) => signs)]
    fastify.decorate('tokens', createTokens(verifiers, signer, config))
  },
  { name: 'parley-tokens', fastify: '5.x' },
)

function jwtOptions({ key, signs, algorithms }: VerificationKey, config: Config) {
  return {
    secret: signs ? key : { public: key, private: '' },
    ...(signs && { sign: { algorithm: algorithms[0] as 'HS256' } }),
    verify: {
      algorithms: [...algorithms] as 'HS256'[],
      requiredClaims: ['sub', 'exp'],
      cache: signs ? false : CACHED_TOKENS,
      ...(config.jwtIssuer && { allowedIss: config.jwtIssuer }),
      ...(config.jwtAudience && { allowedAud: config.jwtAudience }),
    },
  }
}

function createTokens(verifiers: readonly JWT[], signer: JWT | undefined, config: Config): Tokens {
  const addressed = {
    ...(config.jwtIssuer && { iss: config.jwtIssuer }),
    ...(config.jwtAudience && { aud: config.jwtAudience }),
  }
  return {
    canSign: signer !== undefined,
    sign(claims) {
      if (!signer) throw new ParleyError('INTERNAL', 'there is no key to sign with')
      return signer.sign({ ...addressed, ...claims })
    },
    verify(token, expiredFor = 0) {
      const leniency = expiredFor > 0 ? { clockTolerance: expiredFor, cache: false } : undefined
      let problem: unknown
      for (const verifier of verifiers) {
        try {
          return identityOf(verifier.verify<Record<string, unknown>>(token, leniency))
        } catch (error) {
          problem = error
          if (!mayFitAnotherKey(error)) break
        }
      }
      throw toUnauthorized(problem)
    },
  }
}
