import jwt, { type JWT } from '@fastify/jwt'
import fp from 'fastify-plugin'
import { type Identity, identityOf } from '../src/auth/identity.js'
import { loadKeys, type VerificationKey } from '../src/auth/keys.js'
import { createRemoteVerifier, type RemoteVerifier } from '../src/auth/remote-verifier.js'
import { mayFitAnotherKey, toUnauthorized } from '../src/auth/token-errors.js'
import { verifyOptions } from '../src/auth/verify-options.js'
import { systemClock } from '../src/clock.js'
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
   * Rejects with `UNAUTHORIZED`, saying what is wrong, whatever it is, or with
   * `KEYS_UNAVAILABLE` when `JWT_JWKS_URL` does not answer.
   * @param expiredFor how long ago the token may have expired, milliseconds; 0 by default
   */
  verify(token: string, expiredFor?: number): Promise<Identity>
}

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
    const remote = createRemoteVerifier(config, systemClock, (err) =>
      fastify.log.error({ err }, 'no keys'),
    )
    fastify.decorate('tokens', createTokens(verifiers, signer, remote, config))
  },
  { name: 'parley-tokens', fastify: '5.x' },
)

function jwtOptions(key: VerificationKey, config: Config) {
  return {
    secret: key.signs ? key.key : { public: key.key, private: '' },
    ...(key.signs && { sign: { algorithm: key.algorithms[0] as 'HS256' } }),
    verify: verifyOptions(key, config),
  }
}

function createTokens(
  verifiers: readonly JWT[],
  signer: JWT | undefined,
  remote: RemoteVerifier | undefined,
  config: Config,
): Tokens {
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
    async verify(token, expiredFor = 0) {
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
      if (!remote || (problem && !mayFitAnotherKey(problem))) throw toUnauthorized(problem)
      try {
        return identityOf(await remote(token))
      } catch (error) {
        throw toUnauthorized(error)
      }
    },
  }
}
