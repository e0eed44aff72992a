import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from '../config.js'

/** A key that verifies tokens, with the algorithms that it may be used with. */
export interface VerificationKey {
  /** The HMAC secret, or a PEM public key. */
  readonly key: string
  /** Whether tokens can be signed with it: HMAC secrets only. */
  readonly signs: boolean
  readonly algorithms: readonly string[]
}

/** Shortest HMAC secret: as long as the hash of HS256 (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32
const HMAC = ['HS256', 'HS384', 'HS512']
const KEY_FILE = 'jwt-secret'

/**
 * Finds the keys that the settings name. In development, without any, one is made and kept in
 * `DATA_DIR`, so that tokens outlive a restart and `parley token` can sign with it.
 * With `JWT_JWKS_URL` there may be none.
 * @returns keys in the order in which they are tried; the first that signs is the one that signs.
 * @throws {ConfigError} when a key is missing in production, too short or unreadable.
 */
export function loadKeys(config: Config): VerificationKey[] {
  const secrets = [...config.jwtSecret]
  if (config.jwtSecretFile) secrets.push(...readSecrets(config.jwtSecretFile))
  for (const secret of secrets) {
    if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
      throw new ConfigError(
        `JWT_SECRET must have at least ${MIN_SECRET_BYTES} bytes a key; make one with: openssl rand -base64 33`,
      )
    }
  }
  const pem = config.jwtPublicKeyFile && readSetting('JWT_PUBLIC_KEY_FILE', config.jwtPublicKeyFile)
  if (secrets.length === 0 && !pem) {
    if (config.jwtJwksUrl) return []
    if (config.nodeEnv === 'production') {
      throw new ConfigError(
        'JWT_SECRET, JWT_SECRET_FILE, JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL must be set in production; for example JWT_SECRET=$(openssl rand -base64 33)',
      )
    }
    secrets.push(developmentSecret(config.dataDir))
  }
  const hmac = allowed(config, HMAC, ['HS256'])
  const keys: VerificationKey[] = secrets.map((key) => ({ key, signs: true, algorithms: hmac }))
  if (pem) {
    const possible = algorithmsOfPem(pem)
    keys.push({
      key: pem,
      signs: false,
      algorithms: allowed(config, possible, possible.slice(0, 1)),
    })
  }
  const usable = keys.filter(({ algorithms }) => algorithms.length > 0)
  if (usable.length === 0) {
    throw new ConfigError(
      `JWT_ALGORITHMS must name an algorithm that fits the key, but is ${config.jwtAlgorithms.join(',')}; for example JWT_ALGORITHMS=HS256`,
    )
  }
  return usable
}

function allowed(config: Config, possible: readonly string[], fallback: readonly string[]) {
  if (config.jwtAlgorithms.length === 0) return fallback
  return config.jwtAlgorithms.filter((algorithm) => possible.includes(algorithm))
}

function readSetting(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${name} must be a readable file, but ${path} is not`, { cause })
  }
}

function readSecrets(path: string): string[] {
  const secrets = readSetting('JWT_SECRET_FILE', path)
    .split(/[,\n]/)
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
  if (secrets.length > 0) return secrets
  throw new ConfigError(`JWT_SECRET_FILE must hold at least one key, but ${path} is empty`)
}

function developmentSecret(dataDir: string): string {
  const made = randomBytes(48).toString('base64url')
  if (dataDir === ':memory:') return made
  const path = join(dataDir, KEY_FILE)
  if (existsSync(path)) return readFileSync(path, 'utf8').trim()
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(path, `${made}\n`, { mode: 0o600 })
  return made
}

function algorithmsOfPem(pem: string): string[] {
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch (cause) {
    throw new ConfigError('JWT_PUBLIC_KEY_FILE must hold a public key in PEM format', { cause })
  }
  const algorithms = algorithmsOf(key)
  if (algorithms.length > 0) return algorithms
  throw new ConfigError(
    `JWT_PUBLIC_KEY_FILE must hold an RSA, EC or Ed25519 key, but it is ${key.asymmetricKeyType}`,
  )
}

/** The algorithms that a public key can verify, the usual one first; none for other keys. */
export function algorithmsOf(key: KeyObject): string[] {
  const curve = key.asymmetricKeyDetails?.namedCurve
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
    case 'ec':
      return [curve === 'secp384r1' ? 'ES384' : curve === 'secp521r1' ? 'ES512' : 'ES256']
    case 'ed25519':
    case 'ed448':
      return ['EdDSA']
    default:
      return []
  }
}
