import t, { type Test } from 'tap'
import { clientFrame } from '../helpers/frames.js'
import { signToken } from '../helpers/jwt.js'
import { listen } from '../helpers/listening-app.js'
import { RawConnection } from '../helpers/raw-connection.js'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const here = await listen(t)
const { server, bystander } = here
const authorization = `Authorization: Bearer ${signToken({ sub: 'ann' })}`
const required = [
  `Host: 127.0.0.1:${here.port}`,
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
  authorization,
]

/** A handshake whose header lines are the required ones, with some replaced, left out or added. */
function handshake(
  change: Record<string, string | readonly string[] | null> = {},
  line = 'GET /chat HTTP/1.1',
) {
  const lines = required.flatMap((header) => {
    const name = header.slice(0, header.indexOf(':'))
    const value = change[name]
    if (value === undefined) return [header]
    return value === null ? [] : [value].flat().map((one) => `${name}: ${one}`)
  })
  const known = new Set(required.map((header) => header.slice(0, header.indexOf(':'))))
  for (const [name, value] of Object.entries(change)) {
    if (!known.has(name) && value !== null)
      lines.push(...[value].flat().map((one) => `${name}: ${one}`))
  }
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

const headEnd = (bytes: Buffer) => bytes.includes('\r\n\r\n')

/** Sends bytes, returns what came back until the server closed, which it must. */
async function exchange(bytes: string): Promise<string> {
  const raw = await RawConnection.open(server)
  raw.write(bytes)
  return raw.toEnd()
}

/** A test after which everything is released and others were not disturbed. */
const check = (name: string, run: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await run(t)
    await here.quiet()
    t.ok(await bystander.chats(), 'others are not disturbed')
  })

check('a handshake by the book is accepted', async (t) => {
  const raw = await RawConnection.open(server)
  raw.write(handshake())
  const head = String(await raw.until(headEnd))
  t.match(head, /^HTTP\/1\.1 101 /)
  t.match(head, `Sec-WebSocket-Accept: ${ACCEPT}`)
  raw.end()
})

check('a handshake that comes byte by byte is accepted', async (t) => {
  const raw = await RawConnection.open(server)
  for (const byte of Buffer.from(handshake())) raw.write(Buffer.of(byte))
  t.match(String(await raw.until(headEnd)), /^HTTP\/1\.1 101 /)
  raw.end()
})

check('what breaks the handshake is refused before the upgrade, and said', async (t) => {
  const cases: [name: string, request: string, status: number, says: RegExp][] = [
    ['HTTP/1.0', handshake({}, 'GET /chat HTTP/1.0'), 400, /HTTP\/1\.1/],
    ['no Host', handshake({ Host: null }), 400, /Host|/],
    ['two Hosts', handshake({ Host: ['a', 'b'] }), 400, /Host/],
    ['version 8', handshake({ 'Sec-WebSocket-Version': '8' }), 400, /Sec-WebSocket-Version: 13/i],
    ['no version', handshake({ 'Sec-WebSocket-Version': null }), 400, /Sec-WebSocket-Version: 13/i],
    ['no key', handshake({ 'Sec-WebSocket-Key': null }), 400, /Sec-WebSocket-Key/],
    ['a short key', handshake({ 'Sec-WebSocket-Key': 'AAAA' }), 400, /Sec-WebSocket-Key/],
    ['two keys', handshake({ 'Sec-WebSocket-Key': [KEY, KEY] }), 400, /Sec-WebSocket-Key/],
    ['Upgrade: h2c', handshake({ Upgrade: 'h2c', Connection: 'Upgrade, close' }), 426, /websocket/],
    ['Upgrade: foo', handshake({ Upgrade: 'foo', Connection: 'Upgrade, close' }), 426, /websocket/],
    ['POST', handshake({}, 'POST /chat HTTP/1.1'), 404, /NOT_FOUND/],
    ['elsewhere', handshake({}, 'GET /elsewhere HTTP/1.1'), 404, /NOT_FOUND/],
    ['a foreign origin', handshake({ Origin: 'https://evil.example' }), 403, /ORIGIN_NOT_ALLOWED/],
    ['origin null', handshake({ Origin: 'null' }), 403, /ORIGIN_NOT_ALLOWED/],
    ['no token', handshake({ Authorization: null }), 401, /WWW-Authenticate: Bearer/i],
  ]
  for (const [name, request, status, says] of cases) {
    const answer = await exchange(request)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.match(answer, says, `${name} is named`)
    t.match(answer, /connection:.* close/i)
  }
})

check('an origin that only looks like an allowed one is refused', async (t) => {
  const own = `http://127.0.0.1:${here.port}`
  const variants = [
    `${own}/`,
    `${own}.evil.example`,
    `${own}@evil.example`,
    `${own}, https://evil.example`,
    `https://evil.example#${own}`,
    `http://127.0.0.1`,
    `ftp://127.0.0.1:${here.port}`,
    `file://`,
    `http://127.0.0.1:${here.port}\\`,
    '',
    '*',
    'http://',
    'http://[::1',
    'http://%31%32%37.0.0.1',
  ]
  for (const origin of variants) {
    t.match(await exchange(handshake({ Origin: origin })), /^HTTP\/1\.1 403 /, `"${origin}"`)
  }
  const twice = await exchange(handshake({ Origin: [own, 'https://evil.example'] }))
  t.match(twice, /^HTTP\/1\.1 403 /, 'two origins')
})

check('a request that only looks like a handshake is a plain request', async (t) => {
  for (const path of ['/ws', '/chat']) {
    const plain = await exchange(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    t.match(plain, /^HTTP\/1\.1 426 /)
    t.match(plain, /upgrade: websocket/i)
    const request = handshake({ Connection: 'close' }, `GET ${path} HTTP/1.1`)
    t.match(await exchange(request), /^HTTP\/1\.1 426 /, 'without Connection: Upgrade')
  }
})

check('an offer of HTTP/2 on a plain route is not taken, and answered all the same', async (t) => {
  const offer = {
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA',
    Connection: 'Upgrade, HTTP2-Settings, close',
  }
  const answer = await exchange(handshake(offer, 'GET /health/live HTTP/1.1'))
  t.match(answer, /^HTTP\/1\.1 200 .*{"status":"live"}$/s)
  const body = '{"msg":"hi"}'
  const headers = { ...offer, 'Content-Type': 'application/json', 'Content-Length': '12' }
  const post = handshake(headers, 'POST /rooms/r/messages HTTP/1.1') + body
  t.match(await exchange(post), /^HTTP\/1\.1 201 /, 'with its body')
  const raw = await RawConnection.open(server)
  for (const byte of Buffer.from(post)) raw.write(Buffer.of(byte))
  t.match(await raw.toEnd(), /^HTTP\/1\.1 201 /, 'that comes byte by byte')
})

check('a WebSocket is refused where there is none', async (t) => {
  const answer = await exchange(handshake({}, 'GET /health/live HTTP/1.1'))
  t.match(answer, /^HTTP\/1\.1 404 .*no WebSocket at this address/s)
})

check('an address that cannot be decoded is refused without being quoted', async (t) => {
  for (const address of ['/a%nb?ticket=secret', '/rooms/%ff']) {
    const request = `GET ${address} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    const answer = await exchange(request)
    t.match(answer, /^HTTP\/1\.1 400 .*"code":"BAD_FIELD"/s)
    t.notMatch(answer, /secret|%ff/)
  }
  for (const line of ['GET /%ff HTTP/1.1', 'GET /%ff HTTP/1.0', 'GET /%ff']) {
    const answer = await exchange(handshake({}, line))
    t.match(answer, /^HTTP\/1\.1 400 /, `a handshake too (${line}), and its socket is closed`)
  }
})

check('headers without end are refused', async (t) => {
  const raw = await RawConnection.open(server)
  raw.write('GET /chat HTTP/1.1\r\nHost: a\r\n')
  const line = `X-Filler: ${'x'.repeat(1000)}\r\n`
  const refused = raw.closed.then(() => true)
  let sent = 0
  const flood = async () => {
    for (; sent < 10_000_000 && raw.socket.writable; sent += line.length) {
      raw.write(line)
      if (raw.socket.writableNeedDrain) await new Promise(setImmediate)
    }
  }
  await Promise.race([refused, flood()])
  t.ok(await refused)
  t.ok(sent < 5_000_000, `closed after ${sent} bytes`)
  const long = await exchange(handshake({ 'X-Filler': 'x'.repeat(20_000) }))
  t.match(long, /^HTTP\/1\.1 431 [\s\S]*"code":"HEADERS_TOO_LARGE"/)
})

check('what is no HTTP is answered with 400 and closed', async (t) => {
  for (const bytes of ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 'hello\r\n\r\n', '\0'.repeat(100)]) {
    t.match(await exchange(bytes), /^HTTP\/1\.1 400 [\s\S]*"code":"BAD_HTTP"/)
  }
  const smuggled = handshake({ 'Content-Length': '5', 'Transfer-Encoding': 'chunked' })
  t.match(await exchange(smuggled), /^HTTP\/1\.1 400 /)
})

check('a handshake pipelined behind a plain request is closed, not left hanging', async (t) => {
  const plain = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'
  t.notMatch(await exchange(plain + handshake()), 'HTTP/1.1 101')
})

check('a reset while the handshake is under way leaves nothing behind', async (t) => {
  for (let i = 0; i < 100; i++) {
    const raw = await RawConnection.open(server)
    raw.write(handshake({}, `GET ${i % 2 ? '/ws' : '/chat'} HTTP/1.1`))
    if (i % 3 === 0) await new Promise(setImmediate)
    raw.reset()
    await raw.closed
  }
  await here.quiet()
  t.equal(here.app.connections.sizes().connections, 1)
})

check('frames in the packet of the handshake are not missed', async (t) => {
  const raw = await RawConnection.open(server)
  const pings = Buffer.concat(Array.from({ length: 10 }, () => clientFrame('{"action":"ping"}')))
  raw.write(Buffer.concat([Buffer.from(handshake()), pings]))
  await raw.until((bytes) => bytes.toString().split('"pong"').length === 11)
  t.pass('ten pongs')
  raw.end()
})

t.test(
  'a stalled handshake is ended, and the application closes with connections open',
  async (t) => {
    const http = { headersTimeout: 200, connectionsCheckingInterval: 50 }
    let close = () => Promise.resolve()
    const stalling = await listen(
      { teardown: (end) => (close = async () => void (await end())) },
      {},
      { http, requestTimeout: 200 } as object,
    )
    const raws = await Promise.all(
      ['', 'GET /ch', handshake().slice(0, -2)].map(async (start) => {
        const raw = await RawConnection.open(stalling.server)
        raw.write(start)
        return raw
      }),
    )
    for (const raw of raws.slice(1)) {
      t.match(await raw.toEnd(), /^HTTP\/1\.1 408 [\s\S]*"code":"REQUEST_TIMEOUT"/)
    }
    t.ok(await stalling.bystander.chats())
    await close()
    await raws[0]?.closed
    t.equal(await stalling.bystander.closed, 1012)
  },
)
