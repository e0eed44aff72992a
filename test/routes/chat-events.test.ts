import { once } from 'node:events'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/broker/broker.js'
import { makeCertificate } from '../helpers/certificate.js'
import { signToken } from '../helpers/jwt.js'
import { startService, type TestService } from '../helpers/service.js'
import { StreamClient, type StreamOptions } from '../helpers/stream-client.js'

const LINES = 'application/x-ndjson'

/** Opens a stream and waits for the welcome. */
async function open(
  t: Test,
  { url }: TestService,
  user: string,
  options: Partial<StreamOptions> & { claims?: object } = {},
): Promise<StreamClient> {
  const { claims, ...rest } = options
  const client = new StreamClient({ url, token: signToken({ sub: user, ...claims }), ...rest })
  t.teardown(() => client.terminate())
  await client.opened
  await client.event('welcome')
  return client
}

/** Resolves once nothing is connected any more. */
async function quiet({ app }: TestService): Promise<void> {
  while (app.connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
}

t.test('a stream and a WebSocket talk in a room, in the same order', async (t) => {
  const service = await startService(t)
  const ann = await open(t, service, 'ann', { claims: { name: 'Ann' } })
  const ben = await service.connect('ben')
  t.match(await ann.opened, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  t.match(ann.events[0], { connection: /^[\w-]{16}\.[\w-]{16}$/, user: 'ann', nick: 'Ann' })
  t.match(await ann.ask('join', { room: 'r' }), { event: 'ok', offset: 0, recovered: false })
  await ben.ask('join', { room: 'r' })
  t.match(await ann.event('joined'), { user: 'ben', members: 2 })
  const msg = { text: 'line\nbreak \r\n\n data: x \u2028', n: [1, null] }
  t.match(await ann.ask('send_to_room', { id: 'm1', room: 'r', msg }), { offset: 1 })
  for (let n = 2; n < 50; n++) {
    void (n % 2 ? ann : ben).ask('send_to_room', { room: 'r', msg: n })
  }
  while (ben.messages('r').length < 49) await ben.event('message')
  await ann.settled()
  t.same(ann.messages('r'), ben.messages('r'))
  t.same(ann.messages('r')[0]?.msg, msg)
  t.match(await ann.ask('send_to_user', { user: 'ben', msg: 'hi' }), { connections: 1 })
  const { connections } = (await service
    .request('GET', '/connections?user=ann', {
      claims: { sub: 'root', scope: 'admin' },
    })
    .then((response) => response.json())) as { connections: Record<string, unknown>[] }
  t.match(connections, [{ endpoint: 'chat', transport: 'sse', rooms: ['r'], buffered: 0 }])
  t.ok(Number(connections[0]?.bytes_in) > 0 && Number(connections[0]?.bytes_out) > 1000)
  ann.terminate()
  t.match(await ben.event('left'), { user: 'ann', members: 1 })
})

t.test('what is posted is taken once and in order, whatever is repeated', async (t) => {
  const service = await startService(t)
  const ann = await open(t, service, 'ann')
  const line = (n: number) => JSON.stringify({ action: 'signal', id: `s${n}`, room: 'r', msg: n })
  const join = '{"action":"join","id":"j","room":"r"}'
  const lines = [join, line(1), line(2), '', '  '].join('\n')
  t.match(await ann.post(lines, { sequence: 1, type: LINES }), {
    status: 202,
    body: { received: 3 },
  })
  t.match(await ann.post(lines, { sequence: 1, type: LINES }), { body: { received: 3 } })
  const more = [line(2), line(3), line(4)].join('\n')
  t.match(await ann.post(more, { sequence: 3, type: LINES }), { body: { received: 5 } })
  t.match(await ann.post(line(9), { sequence: 7 }), {
    status: 409,
    body: { code: 'OUT_OF_ORDER', message: /"sequence" is 6/ },
  })
  t.match(await ann.post(line(5)), { status: 202, body: { received: 5 } }, 'without a number')
  await ann.post('{"action":"ping"}')
  await ann.event('pong')
  const signals = ann.events.filter(({ event }) => event === 'signal').map(({ msg }) => msg)
  t.same(signals, [1, 2, 3, 4, 5])
})

t.test('posts wait behind a join, and too many are refused', async (t) => {
  const service = await startService(t)
  const { broker } = service.app.parley
  const ann = await open(t, service, 'ann')
  const members = broker.members.bind(broker)
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  broker.members = async (...args) => {
    await gate
    return members(...args)
  }
  const join = '{"action":"join","id":"j","room":"r"}'
  t.match(await ann.post(`${join}\n{"action":"ping"}`, { type: LINES }), { status: 202 })
  const posts = Array.from({ length: 6 }, (_, n) =>
    ann.post(JSON.stringify({ action: 'signal', id: `s${n}`, room: 'r', msg: n })),
  )
  const refused: { status: number; headers: Headers }[] = []
  await new Promise<void>((resolve) => {
    for (const post of posts) {
      void post.then((answer) => {
        if (refused.push(answer) === 2) resolve()
      })
    }
  })
  for (const { status, headers } of refused.slice(0, 2)) {
    t.same([status, headers.get('retry-after')], [429, '1'])
  }
  t.equal(ann.events.length, 1)
  go()
  const statuses = (await Promise.all(posts)).map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 202).length, 4)
  await ann.event('pong')
  t.same(
    ann.events.slice(1, 3).map(({ event }) => event),
    ['ok', 'pong'],
  )
})

t.test('only the user of a stream may post to it', async (t) => {
  const service = await startService(t)
  const ann = await open(t, service, 'ann')
  const ping = '{"action":"ping"}'
  const gone = { status: 404, body: { code: 'NOT_FOUND' } }
  t.match(await ann.post(ping, { token: signToken({ sub: 'eve' }) }), gone)
  t.match(await ann.post(ping, { token: 'x.y.z' }), { status: 401 })
  for (const connection of ['x', 'a.b', `${ann.connection}x`, '{}', '.']) {
    t.match(await ann.post(ping, { connection }), gone, connection)
  }
  const socket = await service.connect('ann')
  t.match(await ann.post(ping, { connection: String(socket.events[0]?.connection) }), gone)
  const url = `/chat/actions?connection=${ann.connection}`
  t.equal((await service.request('POST', url, { payload: {} })).statusCode, 401)
  const foreign = {
    claims: { sub: 'ann' },
    payload: {},
    headers: { origin: 'http://evil.example' },
  }
  t.equal((await service.request('POST', url, foreign)).statusCode, 403)
  ann.terminate()
  await ann.closed.catch(() => {})
  while (service.app.connections.get(ann.connection))
    await new Promise((resolve) => setImmediate(resolve))
  t.match(await ann.post(ping), gone)
})

t.test('bad bodies get a clear answer, and disturb nothing', async (t) => {
  const service = await startService(t, { maxMessageBytes: 1000 })
  const ann = await open(t, service, 'ann')
  const refused = async (body: string | Buffer, type: string, status: number, code: string) =>
    t.match(await ann.post(body, { type }), { status, body: { code } })
  await refused('x'.repeat(1001), 'application/json', 413, 'TOO_LARGE')
  await refused(`{}\n${'x'.repeat(1001)}`, LINES, 413, 'TOO_LARGE')
  await refused('x'.repeat(70_000), LINES, 413, 'TOO_LARGE')
  await refused(Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400, 'BAD_JSON')
  await refused('{}', 'text/plain', 415, 'BAD_JSON')
  await refused('', 'application/json', 400, 'BAD_JSON')
  await refused(' \n\n', LINES, 400, 'BAD_JSON')
  const bare = `/chat/actions?connection=${ann.connection}`
  const empty = await service.request('POST', bare, { claims: { sub: 'ann' } })
  t.match(empty.json(), { statusCode: 400, code: 'BAD_JSON' }, 'without a body')
  t.match(await ann.post('{}', { sequence: 0 }), { status: 400, body: { code: 'BAD_FIELD' } })
  t.equal(ann.events.length, 1, 'nothing of it reached the protocol')
  await ann.post('no json\n{"action":"fly","id":"f"}', { type: LINES })
  t.match(await ann.event('error'), { code: 'BAD_JSON' })
  t.match(await ann.event('error'), { code: 'BAD_ACTION', id: 'f' })
  for (let n = 0; n < 8; n++) void ann.post('[]')
  t.same(await ann.closed, { code: 4502, reason: 'Too many malformed messages' })
})

t.test('a stream is refused as a WebSocket is, before it begins', async (t) => {
  const service = await startService(t, { maxConnectionsPerUser: 1, allowNoOrigin: false })
  const { url } = service
  const origin = { origin: url }
  const refusal = async (options: Partial<StreamOptions>) => {
    const client = new StreamClient({ url, ...options })
    return client.opened.then(
      () => client.terminate(),
      ({ status, body, headers }) => [status, body.code, headers['www-authenticate']],
    )
  }
  const token = signToken({ sub: 'ann' })
  t.same(await refusal({ headers: origin }), [401, 'UNAUTHORIZED', 'Bearer'])
  t.match(await refusal({ headers: origin, token: signToken({ sub: 'a' }, -9) }), [401])
  t.match(await refusal({ headers: origin, query: `x=${token}` }), [401, 'UNAUTHORIZED', /query/])
  t.match(await refusal({ token, headers: { origin: 'http://evil.example' } }), [403])
  t.match(await refusal({ token }), [403, 'ORIGIN_NOT_ALLOWED'], 'no origin')
  const site = (value: string) => refusal({ token, headers: { 'sec-fetch-site': value } })
  t.match(await site('cross-site'), [403])
  t.match(await site('same-site'), [403])
  t.equal(await site('same-origin'), undefined, 'a GET of the same origin has no Origin')
  await quiet(service)
  t.match(await refusal({ token, headers: origin, query: 'room=%20x' }), [400, 'BAD_FIELD'])
  const elsewhere = signToken({ sub: 'ann', rooms: ['a'] })
  t.match(await refusal({ token: elsewhere, headers: origin, query: 'room=b' }), [403, 'FORBIDDEN'])
  await open(t, service, 'ann', { headers: origin })
  t.match(await refusal({ token, headers: origin }), [429, 'TOO_MANY_CONNECTIONS'])
  t.equal((await fetch(`${url}/chat/events`, { method: 'HEAD' })).status, 404)
  const cors = await fetch(`${url}/chat/events`, {
    method: 'OPTIONS',
    headers: { ...origin, 'access-control-request-method': 'GET' },
  })
  t.equal(cors.headers.get('access-control-allow-origin'), url)
  void service.app.parley.drain()
  t.match(await refusal({ token, headers: origin }), [503, 'DRAINING'])
})

t.test('a ticket or a cookie opens a stream too', async (t) => {
  const service = await startService(t, { jwtCookie: 'session' })
  const issued = await service.request('POST', '/tickets', { claims: { sub: 'ann' } })
  const query = `ticket=${issued.json().ticket}`
  const { url } = service
  const first = new StreamClient({ url, query })
  t.match(await first.event('welcome'), { user: 'ann' })
  await t.rejects(new StreamClient({ url, query }).opened, /401/)
  const headers = { cookie: `session=${signToken({ sub: 'ben' })}` }
  const second = new StreamClient({ url, headers })
  t.match(await second.event('welcome'), { user: 'ben' })
  for (const client of [first, second]) client.terminate()
})

t.test('the close code reaches the client, whatever ends the stream', async (t) => {
  const service = await startService(t, { heartbeatSeconds: 1, rateLimitBurst: 2 })
  const admin = { claims: { sub: 'root', scope: 'admin' } }
  const ann = await open(t, service, 'ann')
  const url = `/connections/${ann.connection}`
  t.equal((await service.request('DELETE', url, admin)).statusCode, 204)
  t.same(await ann.closed, { code: 4501, reason: 'Disconnected by an administrator' })
  const ben = await open(t, service, 'ben')
  await service.request('DELETE', '/users/ben/connections', admin)
  t.match(await ben.closed, { code: 4501 })
  const calm = await startService(t)
  const cid = await open(t, calm, 'cid', { token: signToken({ sub: 'cid' }, 3) })
  t.match(await cid.closed, { code: 4001 })
  t.match(cid.events.at(-1), { event: 'closing', code: 4001 })
  t.equal(cid.retry, 0)
  const silent = await open(t, service, 'silent')
  const lively = await open(t, service, 'lively')
  const answered = setInterval(() => void lively.post('{"action":"ping"}'), 300)
  t.teardown(() => clearInterval(answered))
  t.match(await silent.closed, { code: 4009 })
  t.ok(silent.comments.length > 0, 'it was pinged before')
  await lively.settled()
  void service.app.parley.drain()
  t.same(await lively.closed, { code: 1012, reason: 'Service restart' })
  t.match(
    lively.events.filter(({ event }) => event === 'closing'),
    [{ code: 1012, reconnect_after: 0 }],
  )
  await quiet(service)
  t.same(service.app.parley.sizes(), {
    connections: 0,
    users: 0,
    addresses: 0,
    rooms: 0,
    waiting: 0,
  })
})

t.test('actions over the rate limit are refused, a flood is closed', async (t) => {
  const service = await startService(t, { rateLimitMessages: 1, rateLimitBurst: 2 })
  const ann = await open(t, service, 'ann')
  const pings = Array(5).fill('{"action":"ping"}').join('\n')
  await ann.post(pings, { sequence: 1, type: LINES })
  t.match(await ann.event('error'), { code: 'RATE_LIMITED', retry_after: Number })
  for (let n = 0; n < 30; n++) {
    if ((await ann.post(pings, { sequence: 1, type: LINES })).status === 404) break
  }
  t.match(await ann.closed, { code: 4029 }, 'repeats count too')
})

t.test('posts that are refused count as requests, whatever is wrong with them', async (t) => {
  const ping = '{"action":"ping"}'
  const wrong: [
    body: string,
    options: { sequence?: number; type?: string; connection?: string },
  ][] = [
    [ping, { sequence: 0 }],
    [ping, { type: 'text/plain' }],
    ['x'.repeat(70_000), {}],
    [ping, { connection: 'x' }],
    [ping, { sequence: 9 }],
  ]
  const service = await startService(t, { rateLimitRequests: 3 })
  for (const [n, [body, options]] of wrong.entries()) {
    const client = await open(t, service, `user ${n}`)
    for (let n = 0; n < 5; n++) t.equal((await client.post(ping)).status, 202)
    const statuses: number[] = []
    for (let n = 0; n < 3; n++) statuses.push((await client.post(body, options)).status)
    t.equal(statuses.indexOf(429), 2, `${statuses}`)
    t.equal((await client.post(ping)).status, 202, 'what is right goes on')
  }
})

t.test('a reader that stops is closed as a slow consumer, within the limit', async (t) => {
  const service = await startService(t, { maxBufferedBytes: 200_000 })
  const slow = await open(t, service, 'slow')
  await slow.ask('join', { room: 'r' })
  const held = service.app.connections.get(slow.connection)
  const ben = await service.connect('ben')
  await ben.ask('join', { room: 'r' })
  slow.response?.pause()
  const msg = 'x'.repeat(50_000)
  let largest = 0
  while (held?.open) {
    await ben.ask('send_to_room', { room: 'r', msg })
    largest = Math.max(largest, held.transport.buffered)
  }
  t.ok(largest > 200_000 && largest < 300_000, `${largest} bytes were waiting`)
  t.equal(held?.closeCode, 4008)
  slow.response?.resume()
  t.same(await slow.closed, { code: 4008, reason: 'Slow consumer' }, 'it hears of it in time')
  const stuck = await open(t, service, 'stuck')
  await stuck.ask('join', { room: 'r' })
  const stuckHere = service.app.connections.get(stuck.connection)
  stuck.response?.pause()
  while (stuckHere?.open) await ben.ask('send_to_room', { room: 'r', msg })
  while (service.app.connections.get(stuck.connection)) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.pass('who reads nothing at all is dropped')
  t.match(await ben.ask('send_to_room', { room: 'r', msg: 1 }), { event: 'ok' })
})

t.test('a follower gets a room, and goes on where it was by Last-Event-ID', async (t) => {
  const service = await startService(t, { heartbeatSeconds: 1 })
  const ben = await service.connect('ben')
  await ben.ask('join', { room: 'r' })
  const say = (msg: number) => ben.ask('send_to_room', { room: 'r', msg })
  for (let n = 1; n <= 10; n++) await say(n)
  const follow = (headers = {}, query = 'room=r&history=3') =>
    open(t, service, 'ann', { query, headers })
  const first = await follow()
  t.match(await first.event('ok'), { room: 'r', offset: 10, recovered: false })
  t.notOk('messages' in (first.events[1] ?? {}))
  await first.event('message')
  await first.event('message')
  t.match(await first.event('message'), { offset: 10 })
  await say(11)
  await first.event('message')
  t.same(
    first.messages('r').map(({ msg }) => msg),
    [8, 9, 10, 11],
  )
  t.match(first.lastEventId, /\/11$/)
  t.match(await first.post('{"action":"ping"}'), { status: 404 }, 'it takes no posts')
  while (first.comments.length < 4) await new Promise((resolve) => setTimeout(resolve, 50))
  t.ok(service.app.connections.get(first.connection), 'and need not answer pings')
  first.terminate()
  for (let n = 12; n <= 1500; n++)
    ben.send({ action: 'send_to_room', id: `m${n}`, room: 'r', msg: n })
  await ben.reply('m1500')
  const second = await follow({ 'last-event-id': first.lastEventId })
  t.match(await second.event('ok'), { recovered: true })
  while (second.messages('r').at(-1)?.msg !== 1500) await second.event('message')
  t.same(
    second.messages('r').map(({ msg }) => msg),
    Array.from({ length: 1489 }, (_, i) => i + 12),
    'more than one page of them',
  )
  t.match(second.lastEventId, /\/1500$/)
  await service.request('DELETE', '/rooms/r/messages', { claims: { sub: 'root', scope: 'admin' } })
  await second.event('reset')
  await say(1)
  await second.event('message')
  const [epoch, offset] = second.lastEventId.split('/')
  t.equal(offset, '1')
  t.not(epoch, first.lastEventId.split('/')[0])
  const third = await follow({ 'last-event-id': first.lastEventId })
  t.match(await third.event('ok'), { recovered: false, epoch }, 'the log has begun anew')
  for (const id of ['nonsense', 'a/b', '/', 'x/99999999999999999999']) {
    const client = await follow({ 'last-event-id': id })
    t.match(await client.event('ok'), { recovered: false })
    client.terminate()
  }
})

t.test('a room that cannot be followed now says so and closes', async (t) => {
  const service = await startService(t)
  const { broker } = service.app.parley
  broker.subscribe = () => Promise.reject(new StoreUnavailable('away'))
  const client = await open(t, service, 'ann', { query: 'room=r' })
  t.match(await client.event('error'), { id: 'follow', code: 'STORE_UNAVAILABLE' })
  t.same(await client.closed, { code: 1013, reason: 'The room cannot be joined' })
})

t.test('the end of a stream is the end of its connection, without chunks', async (t) => {
  const service = await startService(t)
  const raw = connect(service.port, '127.0.0.1')
  let text = ''
  raw.on('data', (data) => {
    text += data
  })
  const token = signToken({ sub: 'ann' })
  const get = `GET /chat/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
  // The second is asked for behind the first, which never ends: it opens nothing.
  raw.write(get + get)
  while (!text.includes('welcome')) await new Promise((resolve) => setImmediate(resolve))
  t.notMatch(text, /transfer-encoding|content-length/i)
  t.match(text, /connection: close/i)
  t.equal(service.app.connections.size, 1)
  const [connection] = service.app.connections
  connection?.close(4501, 'bye')
  await new Promise((resolve) => raw.once('close', resolve))
  t.ok(text.endsWith('event: close\ndata: {"code":4501,"reason":"bye"}\n\n'))
  t.equal(text.match(/HTTP\/1.1/g)?.length, 1)
  await quiet(service)
})

t.test('a client that goes away before its stream begins leaves nothing behind', async (t) => {
  const service = await startService(t)
  for (let n = 0; n < 20; n++) {
    const token = signToken({ sub: 'ann' })
    const client = request(`${service.url}/chat/events`, {
      headers: { authorization: `Bearer ${token}` },
    })
    client.on('error', () => {})
    client.end()
    client.once('socket', (socket) =>
      socket.once('connect', () => setImmediate(() => client.destroy())),
    )
    await new Promise((resolve) => client.once('close', resolve))
  }
  const ann = await open(t, service, 'ann')
  ann.terminate()
  await quiet(service)
})

t.test(
  'over HTTP/2 streams share a connection, and one that is not read is closed alone',
  async (t) => {
    const { certFile, keyFile } = await makeCertificate(t)
    const tls = { tlsCertFile: certFile, tlsKeyFile: keyFile }
    const service = await startService(t, { ...tls, maxBufferedBytes: 200_000 })
    const session = connectHttp2(service.url, { rejectUnauthorized: false })
    t.teardown(() => session.destroy())
    const authorization = `Bearer ${signToken({ sub: 'ann' })}`
    const stream = async (path: string) => {
      const opened = session.request({ ':path': path, authorization })
      const [headers] = await once(opened, 'response')
      t.match(headers, { ':status': 200, 'content-type': 'text/event-stream' })
      opened.setEncoding('utf8')
      const heard = { text: '', pause: () => opened.pause(), closed: once(opened, 'close') }
      opened.on('data', (text) => {
        heard.text += text
      })
      const until = async (pattern: RegExp) => {
        while (!pattern.test(heard.text)) await once(opened, 'data')
      }
      return Object.assign(heard, { until, resume: () => opened.resume() })
    }
    const post = async (connection: string | undefined, action: object) => {
      const path = `/chat/actions?connection=${connection}`
      const headers = { ':method': 'POST', ':path': path, authorization }
      const posted = session.request({ ...headers, 'content-type': 'application/json' })
      posted.end(JSON.stringify(action))
      const [{ ':status': status }] = await once(posted, 'response')
      posted.resume()
      return status
    }
    const full = await stream('/chat/events')
    await full.until(/"welcome"/)
    const [, connection] = /"connection":"([^"]+)"/.exec(full.text) ?? []
    t.equal(await post(connection, { action: 'join', id: 'j', room: 'r' }), 202)
    await full.until(/"id":"j"/)
    const slow = await stream('/chat/events?room=r')
    await slow.until(/"id":"follow"/)
    slow.pause()
    let count = 0
    const msg = 'x'.repeat(20_000)
    const { connections } = service.app
    // Its connection is gone only when the last event had its time to be read.
    while ([...connections].every(({ open }) => open)) {
      const id = `m${count++}`
      t.equal(await post(connection, { action: 'send_to_room', id, room: 'r', msg }), 202)
      await full.until(new RegExp(`"id":"${id}","user"`))
      full.text = ''
    }
    t.ok(count < 60, `${count} messages of 20 KB closed the one that was not read`)
    slow.resume()
    await slow.closed
    while (connections.size > 1) await new Promise((resolve) => setImmediate(resolve))
    const [last] = connections
    last?.close(4501, 'bye')
    await full.closed
    t.match(full.text, /event: close\ndata: \{"code":4501,"reason":"bye"\}\n\n$/)
  },
)
