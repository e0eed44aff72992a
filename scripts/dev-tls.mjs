// Starts the service with TLS, with a certificate for this machine that it makes and keeps in
// DATA_DIR. Nobody vouches for it: browsers ask once. TLS_CERT_FILE and TLS_KEY_FILE win, for
// example for one of mkcert, which browsers trust.
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

const DAY = 86_400_000
/** The longest that Apple's systems accept. */
const VALID_DAYS = 397
const NAMES = ['localhost', '127.0.0.1', '::1']

if (!process.env.TLS_CERT_FILE) Object.assign(process.env, await certificate())
await import('../build/src/server.js')

async function certificate() {
  const { DATA_DIR } = process.env
  const folder = join(!DATA_DIR || DATA_DIR === ':memory:' ? 'data' : DATA_DIR, 'tls')
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  if (!existsSync(cert) || !existsSync(key) || endsSoon(cert)) {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      notAfterDate: new Date(Date.now() + VALID_DAYS * DAY),
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: NAMES.map((name) =>
            /^[\d.]+$|:/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
          ),
        },
      ],
    })
    mkdirSync(folder, { recursive: true })
    writeFileSync(cert, pems.cert)
    writeFileSync(key, pems.private, { mode: 0o600 })
    console.log(`a certificate for ${NAMES.join(', ')} is in ${cert}`)
  }
  return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
}

function endsSoon(file) {
  return Date.parse(new X509Certificate(readFileSync(file)).validTo) < Date.now() + 7 * DAY
}
