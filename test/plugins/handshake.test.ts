import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { startService, type TestService } from '../helpers/service.js'

const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Record<string, unknown>
}

/** A handshake by hand: resolves with the HTTP answer, `status: 101` when it was upgraded. */
function shake(
  { port }: TestService,
  headers: Record<string, string | string[]> = {},
  path = '/chat',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, headers: { ...HANDSHAKE, ...headers } })
    req.on('upgrade', (res, socket) => {
      socket.destroy()
      resolve({ status: 101, headers: res.headers, body: {} })
    })
    req.on('response', (res) => {
      let text = ''
      res.on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: JSON.parse(text) }),
      )
    })
    req.on('error', reject)
    req.end()
  })
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const ann = () => bearer(signToken({ sub: 'ann' }))

async function refused(t: Test, answer: Promise<Answer>, status: number, expected: object) {
  const { status: given, headers, body } = await answer
  t.equal(given, status)
  t.match(headers['content-type'], /^application\/json/)
  t.match(body, { statusCode: status, error: String, message: String, ...expected })
  return headers
}

t.test('a plain request to a WebSocket endpoint is told to upgrade', async (t) => {
  const service = await startService(t)
  for (const url of ['/ws', '/chat']) {
    const reply = await service.request('GET', url)
    t.match(reply, { statusCode: 426, headers: { upgrade: 'websocket' } })
    t.match(reply.json(), { statusCode: 426, code: 'UPGRADE_REQUIRED', message: String })
  }
})

t.test('a token in the Authorization header or the subprotocol lets in', async (t) => {
  const service = await startService(t)
  t.match(await shake(service, ann()), { status: 101 })
  const token = signToken({ sub: 'ann' })
  for (const offered of [`parley.v1, bearer.${token}`, `bearer.${token}, parley.v1`]) {
    const { status, headers } = await shake(service, { 'sec-websocket-protocol': offered })
    t.equal(status, 101)
    t.equal(headers['sec-websocket-protocol'], 'parley.v1', 'a token is never echoed')
  }
  const { status, headers } = await shake(service, { 'sec-websocket-protocol': `bearer.${token}` })
  t.equal(status, 101)
  t.notOk(headers['sec-websocket-protocol'])
})

t.test('a cookie lets in only when a setting names it', async (t) => {
  const cookie = { cookie: `a=b; session=${signToken({ sub: 'ann' })}; c=d` }
  t.match(await shake(await startService(t, { jwtCookie: 'session' }), cookie), { status: 101 })
  await refused(t, shake(await startService(t), cookie), 401, { code: 'UNAUTHORIZED' })
})

t.test('without a token the answer is 401 and names the scheme', async (t) => {
  const service = await startService(t)
  for (const path of ['/ws', '/chat']) {
    const headers = await refused(t, shake(service, {}, path), 401, { code: 'UNAUTHORIZED' })
    t.equal(headers['www-authenticate'], 'Bearer')
  }
})

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600

function forge(header: object, claims: object, signature: (signed: string) => string): string {
  const signed = `${encode(header)}.${encode({ exp: inAnHour(), ...claims })}`
  return `${signed}.${signature(signed)}`
}
const hmac = (algorithm: string) => (signed: string) =>
  createHmac(algorithm, JWT_SECRET).update(signed).digest('base64url')

t.test('every bad token gets 401 with the reason and nothing of the token', async (t) => {
  const service = await startService(t, { jwtIssuer: 'me', jwtAudience: 'us' })
  const good = { sub: 'ann', iss: 'me', aud: 'us' }
  const withoutExp = `${encode({ alg: 'HS256' })}.${encode(good)}`
  const cases: Record<string, [token: string, reason: RegExp]> = {
    expired: [signToken(good, -10), /expired/],
    'not valid yet': [signToken({ ...good, nbf: inAnHour() }), /not valid yet/],
    'wrong key': [signToken(good, 60, 'another key of no less than 32 bytes'), /signature/],
    'alg none': [
      forge({ alg: 'none' }, good, () => ''),
      /not signed|algorithm|not valid|malformed/,
    ],
    'alg HS512': [forge({ alg: 'HS512' }, good, hmac('sha512')), /algorithm/],
    'no exp': [`${withoutExp}.${hmac('sha256')(withoutExp)}`, /claim/],
    'no sub': [signToken({ iss: 'me', aud: 'us' }), /claim/],
    'sub of the wrong type': [signToken({ ...good, sub: 7 }), /claim "sub"|not valid/],
    'sub with control characters': [signToken({ ...good, sub: 'a\u0007' }), /claim "sub"/],
    'rooms of the wrong type': [signToken({ ...good, rooms: 'all' }), /claim "rooms"/],
    'wrong issuer': [signToken({ ...good, iss: 'you' }), /issuer or audience/],
    'wrong audience': [signToken({ ...good, aud: 'them' }), /issuer or audience/],
    'three dots': ['a.b.c', /malformed/],
    'no token at all': ['', /empty/],
    'nonsense that is not base64': ['%%%.%%%.%%%', /malformed/],
    oversized: ['x'.repeat(9000), /longer than 8192/],
  }
  for (const [name, [token, reason]] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const answer = shake(service, bearer(token))
      const headers = await refused(t, answer, 401, { code: 'UNAUTHORIZED', message: reason })
      t.match(headers['www-authenticate'], /^Bearer error="invalid_token", error_description="/)
      const { body } = await answer
      if (token !== '') t.notOk(JSON.stringify([headers, body]).includes(token))
    })
  }
})

t.test('a token in the query string is refused, even a good one', async (t) => {
  const service = await startService(t)
  const path = `/chat?token=${signToken({ sub: 'ann' })}`
  await refused(t, shake(service, ann(), path), 401, { message: /query string/ })
})

t.test('two tokens among the subprotocols are refused', async (t) => {
  const service = await startService(t)
  const token = signToken({ sub: 'ann' })
  const offered = { 'sec-websocket-protocol': `bearer.${token}, bearer.${token}` }
  await refused(t, shake(service, offered), 401, { message: /more than one/ })
})

t.test('several HMAC keys: all verify, the first signs', async (t) => {
  const [first, second] = [
    'first key with 32 bytes or even more',
    'second key with 32 bytes or more',
  ]
  const service = await startService(t, { jwtSecret: [first, second] })
  for (const key of [first, second]) {
    t.match(await shake(service, bearer(signToken({ sub: 'ann' }, 60, key))), { status: 101 })
  }
  const guest = await service.request('POST', '/guests', { payload: { nick: 'G' } })
  const [header, claims, signature] = guest.json().token.split('.')
  const expected = createHmac('sha256', first).update(`${header}.${claims}`).digest('base64url')
  t.equal(signature, expected)
})

t.test(
  'RS256, ES256 and EdDSA by public key; HS256 with that key as secret is refused',
  async (t) => {
    const pairs = {
      RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      EdDSA: generateKeyPairSync('ed25519'),
    }
    for (const [alg, { publicKey, privateKey }] of Object.entries(pairs)) {
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
      const jwtPublicKeyFile = join(t.testdir(), 'key.pem')
      writeFileSync(jwtPublicKeyFile, pem)
      const service = await startService(t, { jwtSecret: [], jwtPublicKeyFile })
      const token = forge({ alg }, { sub: 'ann' }, (signed) =>
        sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), {
          key: privateKey,
          dsaEncoding: 'ieee-p1363',
        }).toString('base64url'),
      )
      t.match(await shake(service, bearer(token)), { status: 101 }, alg)
      const confused = forge({ alg: 'HS256' }, { sub: 'ann' }, (signed) =>
        createHmac('sha256', pem).update(signed).digest('base64url'),
      )
      await refused(t, shake(service, bearer(confused)), 401, { message: /algorithm/ })
      t.match(await service.request('POST', '/guests', { payload: { nick: 'G' } }), {
        statusCode: 404,
      })
    }
  },
)

t.test('origins: the own one, listed ones and none pass; everything else is 403', async (t) => {
  const service = await startService(t, {
    allowedOrigins: ['https://app.example.com', 'https://*.example.org'],
  })
  const own = `http://127.0.0.1:${service.port}`
  const allowed = [
    own,
    'https://app.example.com',
    'https://a.example.org',
    'https://a.b.example.org',
  ]
  for (const origin of allowed) {
    t.match(await shake(service, { ...ann(), origin }), { status: 101 }, origin)
  }
  const foreign = [
    'null',
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://example.org',
    'https://evil.example#.example.org',
    'not an origin',
    `${own}, https://evil.example`,
    `${own}/path`,
  ]
  for (const origin of foreign) {
    await refused(t, shake(service, { ...ann(), origin }), 403, { code: 'ORIGIN_NOT_ALLOWED' })
  }
  t.equal(service.app.connections.sizes().users <= 1, true)
})

t.test('a missing origin is refused when the settings say so', async (t) => {
  const service = await startService(t, { allowNoOrigin: false })
  await refused(t, shake(service, ann()), 403, { code: 'ORIGIN_NOT_ALLOWED' })
})

t.test('the origin comes before the token, draining before both', async (t) => {
  const service = await startService(t)
  await refused(t, shake(service, { origin: 'https://evil.example' }), 403, {})
  await service.app.parley.drain()
  const headers = await refused(t, shake(service, { origin: 'https://evil.example' }), 503, {
    code: 'DRAINING',
  })
  t.equal(headers['retry-after'], '1')
  t.match(await service.request('GET', '/health/ready'), { statusCode: 503 })
  t.match((await service.request('GET', '/health')).json(), { status: 'draining' })
})

t.test('each connection limit refuses with its name', async (t) => {
  const all = await startService(t, { maxConnections: 1 })
  await all.connect('ann')
  const busy = await refused(t, shake(all, ann()), 503, { message: /MAX_CONNECTIONS\)/ })
  t.match(busy['retry-after'], /^\d+$/)

  const byAddress = await startService(t, { maxConnectionsPerAddress: 1 })
  await byAddress.connect('ann')
  await refused(t, shake(byAddress, ann()), 429, { message: /MAX_CONNECTIONS_PER_ADDRESS/ })

  const byUser = await startService(t, { maxConnectionsPerUser: 1 })
  const first = await byUser.connect('ann')
  await byUser.connect('ben')
  const answer = refused(t, shake(byUser, ann()), 429, { code: 'TOO_MANY_CONNECTIONS' })
  t.match((await answer)['retry-after'], /^\d+$/)
  await first.close()
  while (byUser.app.connections.ofUser('ann').size > 0) await new Promise(setImmediate)
  t.match(await shake(byUser, ann()), { status: 101 }, 'a place that is free again is given away')
})

t.test('a handshake that breaks RFC 6455 is told what is wrong', async (t) => {
  const service = await startService(t)
  const broken: Record<string, string>[] = [
    { 'sec-websocket-version': '8' },
    { 'sec-websocket-key': 'short' },
  ]
  for (const headers of broken) {
    await refused(t, shake(service, { ...ann(), ...headers }), 400, { code: 'BAD_HANDSHAKE' })
  }
  const other = shake(service, { ...ann(), upgrade: 'h2c' })
  await refused(t, other, 426, { code: 'UPGRADE_REQUIRED' })
})

t.test('an upgrade on a route that is none is refused, and its socket closed', async (t) => {
  const service = await startService(t)
  await refused(t, shake(service, ann(), '/nowhere'), 404, { code: 'NOT_FOUND' })
})

t.test('a client that is let in offers no subprotocol and gets none', async (t) => {
  const service = await startService(t)
  const token = signToken({ sub: 'ann' })
  const client = new ChatClient(`${service.url.replace('http', 'ws')}/chat`, { token })
  await client.opened
  t.equal(client.socket.protocol, '')
  client.terminate()
})
