import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** A certificate for this machine that nobody vouches for, in files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
  /** As settings of a server process. */
  readonly env: { readonly TLS_CERT_FILE: string; readonly TLS_KEY_FILE: string }
  /** Puts another certificate and key in the place of these. Returns it. */
  replace(name?: string): Promise<string>
}

/** Makes a certificate; the files are gone at the test's end. */
export async function makeCertificate(t: {
  teardown(end: () => unknown): unknown
}): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const write = async (name = 'localhost') => {
    const pems = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [
        {
          name: 'subjectAltName',
          altNames: [
            { type: 2, value: name },
            { type: 7, ip: '127.0.0.1' },
          ],
        },
      ],
    })
    await writeFile(certFile, pems.cert)
    await writeFile(keyFile, pems.private)
    return pems
  }
  const { cert, private: key } = await write()
  const env = { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }
  const replace = async (name?: string) => (await write(name)).cert
  return { cert, key, certFile, keyFile, env, replace }
}
