import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { readCertificate } from '../../src/tls.js'
import { makeCertificate } from '../helpers/certificate.js'
import { ChatClient } from '../helpers/chat-client.js'
import { Http2WebSocket } from '../helpers/h2-websocket.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

const run = promisify(execFile)
const curlMissing =
  process.env.REQUIRE_SERVICES !== '1' && !existsSync('/usr/bin/curl') && 'there is no curl'

/** Greets the server as a client of TLS. Resolves with whom the certificate names. */
async function greet(
  { url }: ServerProcess,
  options: { minVersion?: SecureVersion; maxVersion?: SecureVersion } = {},
): Promise<string> {
  const { port } = new URL(url)
  // Old versions also need old ciphers on the client's side.
  const ciphers = 'DEFAULT@SECLEVEL=0'
  const socket = connect({ port: Number(port), rejectUnauthorized: false, ciphers, ...options })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

/** Resolves with a line of the server's log that holds this text, once there is one. */
async function logged(server: ServerProcess, text: string): Promise<Record<string, unknown>> {
  for (;;) {
    const line = server.log.find((candidate) => candidate.includes(text))
    if (line !== undefined) return JSON.parse(line)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function member(t: Test, server: ServerProcess, user: string, h2: boolean) {
  const client = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, {
    token: signToken({ sub: user }, 600),
    ...(h2 && { webSocket: Http2WebSocket }),
  })
  t.teardown(() => client.terminate())
  await client.opened
  await client.ask('join', { room: 'r' })
  return client
}

t.test('a certificate is renewed on SIGHUP, and nobody is dropped', async (t) => {
  const certificate = await makeCertificate(t)
  const server = await startServer(t, { JWT_SECRET, ...certificate.env, DRAIN_SECONDS: '0' })
  t.match(server.url, /^https:/)
  t.match(await logged(server, 'TLS certificate is in use'), { names: /localhost/ })
  t.equal(await greet(server), 'localhost')
  const clients = [await member(t, server, 'h1', false), await member(t, server, 'h2', true)]

  await certificate.replace('renewed.example')
  process.kill(server.pid, 'SIGHUP')
  t.match(await logged(server, 'read again and is in use'), { names: /renewed\.example/ })
  t.equal(await greet(server), 'renewed.example')

  writeFileSync(certificate.certFile, 'no certificate')
  process.kill(server.pid, 'SIGHUP')
  t.match(await logged(server, 'is refused, the old one stays'), {
    level: 50,
    reason: /^TLS_CERT_FILE must hold a certificate in PEM format/,
  })
  t.equal(await greet(server), 'renewed.example', 'the old one goes on')

  for (const client of clients) {
    t.match(await client.ask('send_to_room', { room: 'r', msg: 'still here' }), { event: 'ok' })
  }
  t.equal(await server.stop(), 0)
  for (const client of clients) t.match(await client.closed, { code: 1012 })
})

t.test('one port speaks HTTP/1.1 and HTTP/2, and no TLS before 1.2', async (t) => {
  const { env } = await makeCertificate(t)
  const server = await startServer(t, { JWT_SECRET, ...env, HSTS_SECONDS: '86400' })
  await t.rejects(greet(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
  t.equal(await greet(server, { maxVersion: 'TLSv1.2' }), 'localhost')
  t.test('as curl sees it', { skip: curlMissing }, async (t) => {
    for (const [flag, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ] as const) {
      const args = ['-sk', flag, '-w', '\n%{http_version}\n%header{strict-transport-security}']
      const { stdout } = await run('curl', [...args, `${server.url}/health`])
      const [body, spoken, hsts] = stdout.split('\n')
      t.match(JSON.parse(String(body)), { status: 'ok', scheme: 'https' })
      t.equal(spoken, version)
      t.equal(hsts, 'max-age=86400')
    }
  })
})

t.test('what is wrong with a certificate stops the start and names the setting', async (t) => {
  const good = await makeCertificate(t)
  const other = await makeCertificate(t)
  const now = Date.now()
  const read = (tlsCertFile?: string, tlsKeyFile?: string, at = now) =>
    readCertificate({ ...(tlsCertFile && { tlsCertFile }), ...(tlsKeyFile && { tlsKeyFile }) }, at)
  t.equal(read(), undefined)
  t.match(read(good.certFile, good.keyFile), { expired: false, about: { names: /localhost/ } })
  t.match(read(good.certFile, good.keyFile, now + 366 * 86_400_000), { expired: true })
  const empty = join(good.certFile, '..', 'empty.pem')
  writeFileSync(empty, '')
  const cases: [string | undefined, string | undefined, RegExp][] = [
    [good.certFile, undefined, /^TLS_KEY_FILE must be set when TLS_CERT_FILE is$/],
    [undefined, good.keyFile, /^TLS_CERT_FILE must be set when TLS_KEY_FILE is$/],
    ['/nowhere.pem', good.keyFile, /^TLS_CERT_FILE must be a readable file/],
    [good.certFile, '/nowhere.pem', /^TLS_KEY_FILE must be a readable file/],
    [good.keyFile, good.keyFile, /^TLS_CERT_FILE must hold a certificate in PEM format/],
    [empty, good.keyFile, /^TLS_CERT_FILE must hold a certificate in PEM format/],
    [good.certFile, good.certFile, /^TLS_KEY_FILE must hold a private key without a passphrase/],
    [good.certFile, other.keyFile, /^TLS_KEY_FILE must hold the key of the certificate/],
  ]
  for (const [cert, key, message] of cases) {
    t.throws(() => read(cert, key), { name: 'ConfigError', message }, String(message))
  }
  await t.rejects(startServer(t, { JWT_SECRET, TLS_CERT_FILE: '/nowhere.pem' }), /TLS_KEY_FILE/)
})

const READY = 'Parley is ready at https://'

t.test('npm run dev:tls makes a certificate and keeps it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-dev-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const script = fileURLToPath(new URL('../../../scripts/dev-tls.mjs', import.meta.url))
  const start = async () => {
    const env = { PATH: process.env.PATH, DATA_DIR: folder, PORT: '0', DRAIN_SECONDS: '0' }
    const child = execFile(process.execPath, [script], { env, cwd: tmpdir() })
    t.teardown(() => child.kill('SIGKILL'))
    const gone = once(child, 'exit')
    let output = ''
    child.stdout?.on('data', (text) => {
      if (output.includes(READY)) return
      output += text
      if (output.includes(READY)) child.kill('SIGTERM')
    })
    await gone
    return output
  }
  t.match(await start(), /a certificate for localhost, 127\.0\.0\.1, ::1 is in /)
  const second = await start()
  t.match(second, READY)
  t.notMatch(second, /a certificate for localhost/, 'the second time it is there')
})
