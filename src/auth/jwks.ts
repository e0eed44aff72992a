import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Clock } from '../clock.js'
import { ParleyError } from '../errors.js'
import { algorithmsOf, type VerificationKey } from './keys.js'

export interface JwksOptions {
  readonly url: string
  readonly clock: Clock
  /** Algorithms that may be used; empty: all that fit a key. */
  readonly algorithms: readonly string[]
  /** Told why a key set could not be fetched. */
  readonly onError: (error: unknown) => void
}

/** Milliseconds after which keys are fetched again, so that a withdrawn key ends. */
const MAX_AGE = 600_000
/** Milliseconds for which keys are used when fetching fails. */
const MAX_STALE = 3_600_000
/** Shortest time between two fetches, milliseconds: unknown key ids do not become a flood. */
const MIN_BETWEEN = 10_000
const TIMEOUT = 5000
const MAX_BYTES = 1_048_576
const MAX_KEYS = 100

/**
 * The keys behind `JWT_JWKS_URL` (RFC 7517): fetched when they are first needed, kept, fetched
 * again when they are old or a token names a key that is not among them (rotation), and never
 * more than once in ten seconds, whatever tokens come in.
 */
export class RemoteKeys {
  readonly #options: JwksOptions
  #keys = new Map<string, VerificationKey>()
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined

  constructor(options: JwksOptions) {
    this.#options = options
  }

  /**
   * The key that a token names.
   * @returns undefined when there is no such key, also not after fetching again.
   * @throws {ParleyError} `KEYS_UNAVAILABLE` when the keys are not known and cannot be fetched.
   */
  async find(keyId: string): Promise<VerificationKey | undefined> {
    const { clock } = this.#options
    const age = clock.monotonic() - this.#fetchedAt
    const known = this.#keys.get(keyId)
    if (known && age < MAX_STALE) {
      if (age >= MAX_AGE) void this.#refresh()
      return known
    }
    await this.#refresh()
    if (clock.monotonic() - this.#fetchedAt < MAX_STALE) return this.#keys.get(keyId)
    throw new ParleyError('KEYS_UNAVAILABLE', undefined, { retryAfter: MIN_BETWEEN })
  }

  /** Fetches, unless that was tried just now. Never rejects. */
  #refresh(): Promise<void> {
    const { clock, onError } = this.#options
    if (this.#fetching !== undefined) return this.#fetching
    if (clock.monotonic() - this.#triedAt < MIN_BETWEEN) return Promise.resolve()
    this.#triedAt = clock.monotonic()
    this.#fetching = this.#fetch()
      .catch(onError)
      .finally(() => {
        this.#fetching = undefined
      })
    return this.#fetching
  }

  async #fetch(): Promise<void> {
    const { url, algorithms, clock } = this.#options
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    })
    if (!response.ok) throw new Error(`JWT_JWKS_URL answers ${response.status}`)
    const { keys } = JSON.parse(await readText(response)) as { keys?: unknown }
    if (!Array.isArray(keys)) throw new Error('JWT_JWKS_URL holds no list of keys')
    const found = new Map<string, VerificationKey>()
    for (const jwk of keys.slice(0, MAX_KEYS)) {
      const key = toKey(jwk, algorithms)
      if (key) found.set((jwk as { kid: string }).kid, key)
    }
    this.#keys = found
    this.#fetchedAt = clock.monotonic()
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error(`JWT_JWKS_URL answers more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Undefined for what no token may be verified with: encryption and symmetric keys, unknown kinds. */
function toKey(
  jwk: JsonWebKey & { kid?: unknown; use?: unknown; alg?: unknown },
  allowed: readonly string[],
): VerificationKey | undefined {
  if (typeof jwk?.kid !== 'string' || jwk.kty === 'oct') return undefined
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const possible = algorithmsOf(key).filter(
      (algorithm) =>
        (jwk.alg === undefined || jwk.alg === algorithm) &&
        (allowed.length === 0 || allowed.includes(algorithm)),
    )
    if (possible.length === 0) return undefined
    const pem = key.export({ type: 'spki', format: 'pem' }).toString()
    return { key: pem, signs: false, algorithms: possible }
  } catch {
    return undefined
  }
}
