import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { type Config, ConfigError } from './config.js'

/** The oldest version of TLS that is spoken; RFC 9325, section 3.1.1. */
const MIN_VERSION = 'TLSv1.2'

/** A certificate with its key, as `node:tls` takes them, and what there is to say about it. */
export interface Certificate {
  readonly options: {
    readonly cert: string
    readonly key: string
    readonly minVersion: typeof MIN_VERSION
  }
  /** For the log: whom it names and until when. */
  readonly about: { readonly names: string; readonly validTo: string }
  /** It is not valid (yet, or any more) at the time it was read. */
  readonly expired: boolean
}

/**
 * Reads the certificate and key that the settings name; undefined when they name none.
 * @param now milliseconds since 1970
 * @throws {ConfigError} when a file cannot be read or used, naming the setting.
 */
export function readCertificate(
  { tlsCertFile, tlsKeyFile }: Pick<Config, 'tlsCertFile' | 'tlsKeyFile'>,
  now: number,
): Certificate | undefined {
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined
  if (tlsCertFile === undefined || tlsKeyFile === undefined) {
    const [given, missing] = tlsCertFile ? ['CERT', 'KEY'] : ['KEY', 'CERT']
    throw new ConfigError(`TLS_${missing}_FILE must be set when TLS_${given}_FILE is`)
  }
  const cert = read('TLS_CERT_FILE', tlsCertFile)
  const key = read('TLS_KEY_FILE', tlsKeyFile)
  const leaf = parse('TLS_CERT_FILE', 'a certificate', tlsCertFile, () => new X509Certificate(cert))
  const privateKey: KeyObject = parse(
    'TLS_KEY_FILE',
    'a private key without a passphrase',
    tlsKeyFile,
    () => createPrivateKey(key),
  )
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new ConfigError(
      `TLS_KEY_FILE must hold the key of the certificate in TLS_CERT_FILE, but ${tlsKeyFile} belongs to another`,
    )
  }
  const options = { cert, key, minVersion: MIN_VERSION } as const
  // What OpenSSL does not take, a weak key for example, is better known now than at a handshake.
  parse('TLS_CERT_FILE', 'a certificate for TLS', tlsCertFile, () => createSecureContext(options))
  const { subjectAltName, subject, validFrom, validTo } = leaf
  const expired = now < Date.parse(validFrom) || now > Date.parse(validTo)
  return { options, about: { names: subjectAltName ?? subject, validTo }, expired }
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${name} must be a readable file, but ${path} is not`, { cause })
  }
}

function parse<T>(name: string, what: string, path: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    const { message } = cause as Error
    throw new ConfigError(`${name} must hold ${what} in PEM format, but ${path}: ${message}`, {
      cause,
    })
  }
}
