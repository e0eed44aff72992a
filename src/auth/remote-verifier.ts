import { createDecoder, createVerifier } from 'fast-jwt'
import type { Clock } from '../clock.js'
import type { Config } from '../config.js'
import { ParleyError } from '../errors.js'
import { RemoteKeys } from './jwks.js'
import type { VerificationKey } from './keys.js'
import { verifyOptions } from './verify-options.js'

type Claims = Record<string, unknown>

/** Verifies a token with the key that it names, and gives its claims. */
export type RemoteVerifier = (token: string) => Promise<Claims>

/** Verifies with the keys of `JWT_JWKS_URL`, if set. They come and go: one verifier a key. */
export function createRemoteVerifier(
  config: Config,
  clock: Clock,
  onError: (error: unknown) => void,
): RemoteVerifier | undefined {
  if (!config.jwtJwksUrl) return undefined
  const { jwtJwksUrl: url, jwtAlgorithms: algorithms } = config
  const keys = new RemoteKeys({ url, algorithms, clock, onError })
  const decode = createDecoder({ complete: true })
  const verifiers = new WeakMap<VerificationKey, (token: string) => Claims>()

  return async (token) => {
    const { kid } = decode(token).header
    if (typeof kid !== 'string') throw new ParleyError('UNAUTHORIZED', 'the token names no key')
    const key = await keys.find(kid)
    if (!key) throw new ParleyError('UNAUTHORIZED', 'the token names an unknown key')
    let verify = verifiers.get(key)
    if (!verify) {
      verify = createVerifier({ key: key.key, ...verifyOptions(key, config) })
      verifiers.set(key, verify)
    }
    return verify(token)
  }
}
