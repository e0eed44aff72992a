import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type ParleyOptions, parley } from '../../plugins/parley.js'
import { websocketH2 } from '../../plugins/websocket-h2.js'
import type { Config } from '../../src/config.js'
import { type CertificateFiles, makeCertificate } from '../helpers/certificate.js'
import { ChatClient } from '../helpers/chat-client.js'
import { extendedConnect, Http2WebSocket, type Refusal, textOf } from '../helpers/h2-websocket.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { connectFrame, RawHttp2 } from '../helpers/raw-h2.js'
import { startService, type TestService } from '../helpers/service.js'

let certificate: CertificateFiles
t.before(async () => {
  certificate = await makeCertificate(t)
})

interface Here extends TestService {
  /** A connection of HTTP/2 of its own; gone at the test's end. */
  session(): Promise<ClientHttp2Session>
}

async function start(t: Test, settings: Partial<Config> = {}): Promise<Here> {
  const { certFile, keyFile } = certificate
  const tls = { tlsCertFile: certFile, tlsKeyFile: keyFile }
  const service = await startService(t, { ...tls, ...settings })
  return { ...service, session: () => openSession(t, service.url) }
}

async function openSession(t: Test, url: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(url, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  session.setMaxListeners(0)
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return session
}

const bearer = (user = 'ann') => ({ authorization: `Bearer ${signToken({ sub: user })}` })

/** A socket on a connection, with a token; open. */
async function open(
  session: ClientHttp2Session,
  path: string,
  user = 'ann',
): Promise<Http2WebSocket> {
  const socket = new Http2WebSocket(`https://h${path}`, [], { session, headers: bearer(user) })
  await once(socket, 'open')
  return socket
}

/** What a handshake is refused with. */
async function refusal(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string>,
): Promise<Refusal> {
  const socket = new Http2WebSocket(`https://h${path}`, [], { session, headers })
  const outcome = once(socket, 'open').then(() => {
    throw new Error('the handshake was not refused')
  })
  return outcome.catch((error: Refusal) => error)
}

/** Streams that the server has open, whichever way. */
async function quiet({ app }: TestService): Promise<void> {
  while (app.connections.size > 0) await new Promise(setImmediate)
}

t.test('people talk over HTTP/2, many on one connection, and with those on HTTP/1.1', async (t) => {
  const service = await start(t)
  const webSocket = Http2WebSocket
  const names = Array.from({ length: 20 }, (_, i) => `user ${i}`)
  const clients = await Promise.all(names.map((name) => service.connect(name, { webSocket })))
  clients.push(await service.connect('h1'))
  for (const client of clients) await client.ask('join', { room: 'r' })
  for (const [msg, client] of clients.entries()) {
    await client.ask('send_to_room', { room: 'r', msg })
  }
  const expected = clients.map((_, i) => i)
  for (const client of clients) {
    await client.settled()
    const heard = client.messages('r').map(({ msg }) => msg)
    if (String(heard) !== String(expected)) t.same(heard, expected)
  }
  t.equal(service.app.connections.size, 21)
  const [connection] = service.app.connections.ofUser('user 0')
  t.match(connection, { address: '127.0.0.1', transport: { name: 'websocket-h2' } })
  t.same(await clients[0]?.close(4321), { code: 4321, reason: '' })
  while (service.app.connections.size > 20) await new Promise(setImmediate)
})

t.test('every message comes back: same type, same bytes, in order', async (t) => {
  const service = await start(t)
  const socket = await open(await service.session(), '/ws')
  for (const size of [0, 1, 125, 126, 65_535, 65_536]) {
    const bytes = Buffer.alloc(size, size % 251)
    socket.send(bytes)
    const [back, isBinary] = await once(socket, 'message')
    t.ok(isBinary && bytes.equals(back), `${size} bytes`)
  }
  const back: string[] = []
  const done = new Promise<void>((resolve) => {
    socket.on('message', (data) => back.push(String(data)) === 2000 && resolve())
  })
  const sent = Array.from({ length: 2000 }, (_, i) => `message ${i}`)
  for (const text of sent) socket.send(text)
  await done
  t.same(back, sent)
  socket.close(4321, 'that is all')
  t.same((await once(socket, 'close')).map(String), ['4321', 'that is all'])
})

t.test('close codes of the server arrive', async (t) => {
  const service = await start(t)
  const session = await service.session()
  const cases: [string, string | Buffer, boolean, number][] = [
    ['/ws', Buffer.alloc(65_537), true, 1009],
    ['/ws', Buffer.from([0xc3, 0x28]), false, 1007],
    ['/chat', Buffer.from('{}'), true, 1003],
  ]
  for (const [path, data, binary, code] of cases) {
    const socket = await open(session, path)
    socket.send(data, { binary })
    t.equal((await once(socket, 'close'))[0], code)
  }
  await quiet(service)
  const witness = await open(session, '/ws')
  witness.send('still there')
  await once(witness, 'message')
})

t.test('a refusal is an answer of HTTP/2: status, headers and body, and the end', async (t) => {
  const service = await start(t, { maxConnectionsPerUser: 1, maxConnections: 3 })
  const session = await service.session()
  await open(session, '/ws', 'hoarder')
  const origin = { ...bearer(), origin: 'https://evil.example' }
  const cases: [string, Record<string, string>, number, object][] = [
    ['/chat', {}, 401, { code: 'UNAUTHORIZED' }],
    ['/chat', { authorization: 'Bearer x.y.z' }, 401, { code: 'UNAUTHORIZED' }],
    ['/chat', origin, 403, { code: 'ORIGIN_NOT_ALLOWED' }],
    ['/chat', { ...bearer(), 'sec-websocket-version': '8' }, 400, { code: 'BAD_HANDSHAKE' }],
    ['/chat', bearer('hoarder'), 429, { code: 'TOO_MANY_CONNECTIONS' }],
    ['/health/live', bearer(), 404, { code: 'NOT_FOUND' }],
    ['/elsewhere', bearer(), 404, { code: 'NOT_FOUND' }],
    ['/%ff', bearer(), 400, { code: 'BAD_FIELD' }],
  ]
  for (const [path, headers, status, body] of cases) {
    const refused = await refusal(session, path, headers)
    t.equal(refused.status, status, `${path} ${JSON.stringify(body)}`)
    t.match(JSON.parse(refused.body), { statusCode: status, ...body })
    t.notOk(refused.headers.connection)
  }
  const challenge = (await refusal(session, '/chat', {})).headers['www-authenticate']
  t.equal(challenge, 'Bearer')
  await open(session, '/ws', 'bo')
  await open(session, '/ws', 'cy')
  t.match(await refusal(session, '/chat', bearer()), {
    status: 503,
    headers: { 'retry-after': '5' },
  })
})

t.test('a token in the subprotocol lets in, and is not echoed', async (t) => {
  const service = await start(t)
  const session = await service.session()
  const offered = ['parley.v1', `bearer.${signToken({ sub: 'ann' })}`]
  const socket = new Http2WebSocket('https://h/chat', offered, { session })
  await once(socket, 'open')
  t.equal(socket.protocol, 'parley.v1')
  const origin = new URL(service.url).origin
  const own = new Http2WebSocket('https://h/chat', offered, {
    session,
    headers: { origin, ':authority': new URL(origin).host },
  })
  await once(own, 'open')
  t.pass('a page of the same origin too')
})

t.test('what is no WebSocket gets an answer that does not end the process', async (t) => {
  const service = await start(t)
  const session = await service.session()
  const ask = async (headers: Record<string, string>) => {
    const stream = session.request(headers, { endStream: true })
    const [answer] = await once(stream, 'response')
    return { status: Number(answer[':status']), headers: answer, body: await textOf(stream) }
  }
  const plain = await ask({ ':path': '/chat' })
  t.equal(plain.status, 426)
  t.match(JSON.parse(plain.body), { code: 'UPGRADE_REQUIRED' })
  t.notOk(plain.headers.upgrade)
  t.equal((await ask({ ':method': 'CONNECT', ':authority': 'x:80' })).status, 405)
  const other = { ':method': 'CONNECT', ':protocol': 'connect-udp', ':path': '/' }
  t.equal((await ask(other)).status, 501)
  t.equal((await ask({ ':path': '/health/live' })).status, 200)

  const options: ConnectionOptions = { port: service.port, rejectUnauthorized: false }
  const proxied = connectTls({ ...options, ALPNProtocols: ['http/1.1'] })
  proxied.on('error', () => {})
  proxied.write('CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n')
  await once(proxied, 'close')
  t.pass('CONNECT over HTTP/1.1 is closed')
})

t.test('who does not read what it asked for is not read either; others go on', async (t) => {
  const service = await start(t)
  const session = await service.session()
  const deaf = await open(session, '/ws', 'deaf')
  const [connection] = service.app.connections.ofUser('deaf')
  deaf.pause()
  const chunk = Buffer.alloc(60_000)
  for (let i = 0; i < 100; i++) deaf.send(chunk)
  const witness = await open(session, '/ws', 'witness')
  let largest = 0
  for (let i = 0; i < 200; i++) {
    witness.send(String(i))
    await once(witness, 'message')
    largest = Math.max(largest, connection?.transport.buffered ?? 0)
  }
  t.ok(largest < 1_000_000, `${largest} bytes at most wait for it`)
  let back = 0
  const all = new Promise<void>((resolve) => {
    deaf.on('message', () => ++back === 100 && resolve())
  })
  deaf.resume()
  await all
  t.pass('it gets everything once it reads')
})

t.test(
  'a member that does not read is closed with 4008, others on its connection stay',
  async (t) => {
    const service = await start(t, { maxBufferedBytes: 65_536 })
    const session = await service.session()
    const client = (user: string) =>
      new ChatClient('https://h/chat', {
        token: signToken({ sub: user }),
        webSocket: class extends Http2WebSocket {
          constructor(
            url: string,
            protocols: string[],
            { headers }: object & { headers?: object },
          ) {
            super(url, protocols, { session, headers: headers as Record<string, string> })
          }
        } as never,
      })
    const [writer, slow] = [client('writer'), client('slow')]
    for (const each of [writer, slow]) {
      await each.event('welcome')
      await each.ask('join', { room: 'r' })
    }
    slow.socket.pause()
    const msg = 'x'.repeat(10_000)
    let sent = 0
    const [member] = service.app.connections.ofUser('slow')
    while (member?.open && sent < 1000) {
      await writer.ask('send_to_room', { room: 'r', msg })
      sent++
    }
    t.equal(member?.closeCode, 4008, `closed after ${sent} messages`)
    await writer.settled()
    t.equal(writer.messages('r').length, sent)
    slow.socket.resume()
    t.same(await slow.closed, { code: 4008, reason: 'Slow consumer' })
  },
)

t.test('a drain sends everyone away with 1012, and the connections end', async (t) => {
  const service = await start(t)
  const session = await service.session()
  const sockets = await Promise.all(
    Array.from({ length: 5 }, (_, i) => open(session, '/chat', `user ${i}`)),
  )
  const idle = await service.session()
  const gone = Promise.all([session, idle].map((each) => once(each, 'close')))
  const closed = Promise.all(sockets.map(async (socket) => (await once(socket, 'close'))[0]))
  await service.app.close()
  t.same(await closed, [1012, 1012, 1012, 1012, 1012])
  await gone
})

t.test('a reset while the handshake is under way leaves nothing behind', async (t) => {
  const service = await start(t, { maxConnectionsPerUser: 0 })
  const session = await service.session()
  for (let i = 0; i < 200; i++) {
    const stream = await extendedConnect(session, i % 2 ? '/ws' : '/chat', bearer())
    stream.on('error', () => {})
    for (let turns = i % 4; turns > 0; turns--) await new Promise(setImmediate)
    stream.close(constants.NGHTTP2_CANCEL)
    if (!stream.closed) await once(stream, 'close')
  }
  const witness = await open(session, '/ws', 'witness')
  witness.send('still there')
  await once(witness, 'message')
  witness.close()
  await quiet(service)
  t.match(service.app.parley.sizes(), { connections: 0, users: 0, addresses: 0, rooms: 0 })
})

t.test('connections that are cut leave nothing behind', async (t) => {
  const service = await start(t)
  for (let i = 0; i < 20; i++) {
    const tls = connectTls({
      port: service.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    })
    const session = connectHttp2(service.url, { createConnection: () => tls })
    session.on('error', () => {})
    for (const path of ['/ws', '/chat']) await open(session, path)
    if (i % 2) session.destroy()
    else tls.destroy()
  }
  await quiet(service)
  t.match(service.app.parley.sizes(), { connections: 0, users: 0, addresses: 0, rooms: 0 })
})

/** An application of somebody else that speaks HTTP/2. */
async function foreignApp(
  t: Test,
  build: (app: FastifyInstance) => Promise<unknown>,
  { secure = true, idle = 72_000 } = {},
): Promise<{ url: string; app: FastifyInstance }> {
  const { key, cert } = certificate
  const options = secure ? { https: { allowHTTP1: true, key, cert } } : {}
  const app = Fastify({
    http2: true,
    http2SessionTimeout: idle,
    ...options,
  } as object) as unknown as FastifyInstance
  t.teardown(() => app.close())
  app.get('/theirs', async () => ({ theirs: true }))
  await build(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { url: `http${secure ? 's' : ''}://127.0.0.1:${port}`, app }
}

const SETTINGS: ParleyOptions = {
  jwtSecret: [JWT_SECRET],
  dataDir: ':memory:',
  logLevel: 'silent',
  drainSeconds: 0,
}

t.test('the plugin serves any application with @fastify/websocket', async (t) => {
  for (const secure of [true, false]) {
    const { url } = await foreignApp(
      t,
      async (app) => {
        await app.register(websocket, { options: { maxPayload: 10 } })
        await app.register(websocketH2, { maxConcurrentStreams: 20 })
        app.get<{ Params: { name: string } }>(
          '/hello/:name',
          {
            websocket: true,
            preValidation: async (request, reply) => {
              if (request.headers['x-key'] !== 'sesame') {
                return reply.code(418).header('x-why', 'no key').send('a teapot')
              }
            },
          },
          (socket, request) => {
            const { httpVersion } = request.raw
            socket.send(`hello ${request.params.name} by ${request.protocol} ${httpVersion}`)
          },
        )
      },
      { secure },
    )
    const session = await openSession(t, url)
    t.equal(session.remoteSettings.maxConcurrentStreams, 20)
    const headers = { 'x-key': 'sesame' }
    const socket = new Http2WebSocket('https://h/hello/ann', [], { session, headers })
    const [greeting] = await once(socket, 'message')
    t.equal(String(greeting), `hello ann by ${secure ? 'https' : 'http'} 2.0`)
    // @fastify/websocket drops the socket right after the close frame.
    socket.send('far too long')
    t.equal((await once(socket, 'close'))[0], 1009, 'a close frame outlives terminate()')

    const refused = await refusal(session, '/hello/ann', {})
    t.match(refused, { status: 418, headers: { 'x-why': 'no key' }, body: 'a teapot' })
    const plain = session.request({ ':path': '/theirs' })
    t.same(JSON.parse(await textOf(plain)), { theirs: true })
  }
})

t.test('mounted in an application of HTTP/2, rooms are open to both ways', async (t) => {
  for (const own of [false, true]) {
    const { url, app } = await foreignApp(t, async (app) => {
      if (own) {
        await app.register(websocket)
        await app.register(websocketH2)
      }
      await app.register(parley, { prefix: '/realtime', ...SETTINGS })
    })
    const to = (webSocket?: typeof Http2WebSocket) =>
      new ChatClient(`${url.replace('http', 'ws')}/realtime/chat`, {
        token: signToken({ sub: 'ann' }),
        ...(webSocket && { webSocket }),
      })
    const clients = [to(), to(Http2WebSocket)]
    for (const client of clients) {
      await client.event('welcome')
      await client.ask('join', { room: 'r' })
    }
    t.match(await clients[1]?.ask('send_to_room', { room: 'r', msg: 1 }), { offset: 1 })
    t.match(await clients[0]?.event('message'), { msg: 1 })
    await app.close()
    // Of its own accord @fastify/websocket closes without a code.
    for (const client of clients) t.equal((await client.closed).code, own ? 1005 : 1012)
  }
})

t.test('a connection that nobody reads is dropped with what waits for it', async (t) => {
  const build = async (app: FastifyInstance) => {
    await app.register(websocket)
    await app.register(websocketH2, { closeTimeout: 100 })
    app.get('/flood', { websocket: true }, (socket) => {
      socket.send(Buffer.alloc(20_000_000))
      socket.close(4008)
      socket.terminate()
    })
  }
  const { url, app } = await foreignApp(t, build, { idle: 200 })
  const raw = await RawHttp2.open(Number(new URL(url).port))
  raw.write(connectFrame(1, '/flood', {}))
  raw.socket.pause()
  const connections = () =>
    new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
  while ((await connections()) === 0) await new Promise(setImmediate)
  while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  raw.socket.destroy()
})

t.test('an application of HTTP/1.1 is told that the plugin does not fit', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(websocket)
  await t.rejects(async () => await app.register(websocketH2), /needs an application with http2/)
})
