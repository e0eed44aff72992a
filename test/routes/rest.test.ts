import t from 'tap'
import { StoreUnavailable } from '../../src/broker/broker.js'
import { signToken } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'

const ann = { sub: 'ann', name: 'Ann' }

t.test('rooms, members and messages are what the clients see', async (t) => {
  const service = await startService(t)
  const [a, b] = [await service.connect('ann'), await service.connect('ben')]
  await a.ask('join', { room: '8888' })
  await b.ask('join', { room: '8888', nick: 'B.' })
  const ok = await a.ask('send_to_room', { id: 'm', room: '8888', msg: { hi: 'ß' } })

  const room = {
    name: '8888',
    members: 2,
    offset: 1,
    first: 1,
    epoch: ok.epoch,
    last_message: ok.time,
  }
  const get = async (path: string) => (await service.request('GET', path, { claims: ann })).json()
  t.same(await get('/rooms'), { rooms: [room] })
  t.same(await get('/rooms/8888'), room)
  t.same(await get('/rooms/8888/members'), {
    members: [
      { user: 'ann', nick: 'ann' },
      { user: 'ben', nick: 'B.' },
    ],
    count: 2,
  })
  t.same(await get('/rooms/8888/messages'), {
    room: '8888',
    epoch: ok.epoch,
    offset: 1,
    first: 1,
    more: false,
    messages: [
      {
        room: '8888',
        offset: 1,
        id: 'm',
        user: 'ann',
        nick: 'ann',
        msg: { hi: 'ß' },
        time: ok.time,
      },
    ],
  })
})

t.test('a backend posts to a room once, however often it repeats itself', async (t) => {
  const service = await startService(t)
  const ben = await service.connect('ben')
  await ben.ask('join', { room: 'news & more' })
  const post = () =>
    service.request('POST', '/rooms/news%20%26%20more/messages', {
      claims: ann,
      payload: { msg: [1, null, 'x'] },
      headers: { 'idempotency-key': 'k1' },
    })
  const first = await post()
  t.equal(first.statusCode, 201)
  t.match(first.json(), { room: 'news & more', id: 'k1', offset: 1, duplicate: false })
  const second = await post()
  t.equal(second.statusCode, 200)
  t.match(second.json(), { offset: 1, duplicate: true, time: first.json().time })
  t.match(await ben.event('message'), { user: 'ann', nick: 'Ann', msg: [1, null, 'x'], id: 'k1' })
  await ben.settled()
  t.equal(ben.messages('news & more').length, 1)
})

t.test('a post without a key is stored each time', async (t) => {
  const service = await startService(t)
  const post = () =>
    service.request('POST', '/rooms/r/messages', { claims: ann, payload: { msg: 1, nick: 'Bot' } })
  t.equal((await post()).json().offset, 1)
  t.equal((await post()).json().offset, 2)
})

t.test('rooms are paged by name, by prefix, and only those that the token opens', async (t) => {
  const service = await startService(t)
  const names = ['a', 'team-1', 'team-2', 'team-3', 'z']
  for (const name of names) {
    const path = `/rooms/${name}/messages`
    await service.request('POST', path, { claims: ann, payload: { msg: name } })
  }
  const page = async (query: string, claims: object = ann) =>
    (await service.request('GET', `/rooms?${query}`, { claims })).json()
  const list = ({ rooms }: { rooms: { name: string }[] }) => rooms.map(({ name }) => name)

  const first = await page('limit=2')
  t.same(list(first), ['a', 'team-1'])
  const second = await page(`limit=2&cursor=${encodeURIComponent(first.cursor)}`)
  t.same(list(second), ['team-2', 'team-3'])
  const third = await page(`limit=2&cursor=${encodeURIComponent(second.cursor)}`)
  t.same(list(third), ['z'])
  t.notOk(third.cursor)
  t.same(list(await page('prefix=team-')), ['team-1', 'team-2', 'team-3'])
  t.same(list(await page('limit=2', { ...ann, rooms: ['team-*', 'nowhere'] })), [
    'team-1',
    'team-2',
  ])
  t.same(list(await page('', { ...ann, rooms: [] })), [])
})

t.test('messages are paged after and before an offset', async (t) => {
  const service = await startService(t)
  for (let i = 1; i <= 9; i++) {
    await service.request('POST', '/rooms/r/messages', { claims: ann, payload: { msg: i } })
  }
  const page = async (query: string) => {
    const reply = await service.request('GET', `/rooms/r/messages?${query}`, { claims: ann })
    const { messages, more } = reply.json()
    return [messages.map(({ offset }: { offset: number }) => offset), more]
  }
  t.same(await page('limit=3'), [[7, 8, 9], true])
  t.same(await page('after=2&limit=3'), [[3, 4, 5], true])
  t.same(await page('before=3'), [[1, 2], false])
  t.same(await page('after=9'), [[], false])
})

t.test('grants hold on REST: 403 for a room that the token does not open', async (t) => {
  const service = await startService(t)
  const claims = { ...ann, rooms: { join: ['r'], send: [] } }
  const requests = [
    service.request('GET', '/rooms/other', { claims }),
    service.request('GET', '/rooms/other/members', { claims }),
    service.request('GET', '/rooms/other/messages', { claims }),
    service.request('POST', '/rooms/r/messages', { claims, payload: { msg: 1 } }),
  ]
  for (const reply of await Promise.all(requests)) {
    t.match(reply.json(), { statusCode: 403, code: 'FORBIDDEN', error: 'Forbidden' })
  }
  t.match(await service.request('GET', '/rooms/r/messages', { claims }), { statusCode: 200 })
  const publish = { claims: { ...claims, scope: 'publish' }, payload: { msg: 1 } }
  t.match(await service.request('POST', '/rooms/any/messages', publish), { statusCode: 201 })
})

t.test('every REST route wants a token', async (t) => {
  const service = await startService(t)
  for (const path of [
    '/rooms',
    '/rooms/r',
    '/rooms/r/members',
    '/rooms/r/messages',
    '/connections',
  ]) {
    const reply = await service.request('GET', path)
    t.match(reply.json(), { statusCode: 401, code: 'UNAUTHORIZED' }, path)
    t.equal(reply.headers['www-authenticate'], 'Bearer')
  }
})

t.test('bad input is told which field and which limit', async (t) => {
  const service = await startService(t, { maxMessageBytes: 1000 })
  const send = (payload: unknown, path = '/rooms/r/messages', headers = {}) =>
    service.request('POST', path, { claims: ann, payload, headers })
  const json = { 'content-type': 'application/json' }
  t.match((await send('{', undefined, json)).json(), { statusCode: 400, code: 'BAD_JSON' })
  t.match((await send({})).json(), { statusCode: 400, code: 'BAD_FIELD', message: /msg/ })
  t.match((await send({ msg: 1, nick: 'a\u202eb' })).json(), { code: 'BAD_FIELD', message: /nick/ })
  t.match((await send({ msg: 'x'.repeat(2000) })).json(), { statusCode: 413, code: 'TOO_LARGE' })
  const deep = `{"msg":${'['.repeat(80)}${']'.repeat(80)}}`
  t.match((await send(deep, undefined, json)).json(), { code: 'BAD_FIELD', message: /64 levels/ })
  t.match((await send('{"msg":1e999}', undefined, json)).json(), { code: 'BAD_FIELD' })
  const key = { 'idempotency-key': 'x'.repeat(65) }
  t.match((await send({ msg: 1 }, undefined, key)).json(), { code: 'BAD_FIELD' })
  t.match((await send({ msg: 1 }, `/rooms/${'x'.repeat(129)}/messages`)).json(), {
    code: 'BAD_FIELD',
  })
  const get = async (path: string) => (await service.request('GET', path, { claims: ann })).json()
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'before=1.5']) {
    t.match(await get(`/rooms/r/messages?${query}`), { statusCode: 400, code: 'BAD_FIELD' }, query)
  }
  t.match(await get('/rooms/unknown'), { statusCode: 404, code: 'NOT_FOUND' })
  t.match(await get('/nowhere'), { statusCode: 404, code: 'NOT_FOUND' })
})

t.test('a foreign page may not change anything with somebody’s cookie', async (t) => {
  const service = await startService(t, { jwtCookie: 'session' })
  const cookie = `session=${signToken(ann)}`
  const post = (origin: string) =>
    service.request('POST', '/rooms/r/messages', {
      payload: { msg: 1 },
      headers: { cookie, origin, host: 'chat.example' },
    })
  t.match((await post('https://evil.example')).json(), {
    statusCode: 403,
    code: 'ORIGIN_NOT_ALLOWED',
  })
  t.match(await post('https://chat.example'), { statusCode: 201 })
})

t.test('an allowed origin may use REST from its pages, another one may not', async (t) => {
  const service = await startService(t, { allowedOrigins: ['https://app.example'] })
  const preflight = (origin: string) =>
    service.app.inject({
      method: 'OPTIONS',
      url: '/rooms',
      headers: { origin, 'access-control-request-method': 'GET' },
    })
  const allowed = await preflight('https://app.example')
  t.equal(allowed.headers['access-control-allow-origin'], 'https://app.example')
  const refused = await preflight('https://evil.example')
  t.notOk(refused.headers['access-control-allow-origin'])
})

t.test('an allowed origin may read every answer, also that there is nothing', async (t) => {
  const service = await startService(t, { allowedOrigins: ['https://app.example'] })
  const get = (url: string, origin: string) =>
    service.request('GET', url, { claims: { sub: 'ann' }, headers: { origin } })
  for (const url of ['/none', '/rooms/r/none', '/rooms/none', '/rooms']) {
    const allowed = await get(url, 'https://app.example')
    t.equal(allowed.statusCode, url === '/rooms' ? 200 : 404, url)
    t.match(allowed.headers, {
      'access-control-allow-origin': 'https://app.example',
      'access-control-expose-headers': 'retry-after',
      vary: /Origin/i,
    })
    const refused = await get(url, 'https://evil.example')
    t.notOk(refused.headers['access-control-allow-origin'])
  }
  t.match((await get('/none', 'https://app.example')).json(), { code: 'NOT_FOUND' })
})

t.test('the registry is listed for administrators, by user and by room', async (t) => {
  const service = await startService(t)
  const admin = { claims: { sub: 'root', scope: 'admin' } }
  const [a] = [
    await service.connect('ann', { claims: { name: 'Ann' } }),
    await service.connect('ben'),
  ]
  await service.connect('ann')
  await a.ask('join', { room: 'r' })
  const get = async (path: string) => (await service.request('GET', path, admin)).json()
  const all = await get('/connections')
  t.equal(all.count, 3)
  t.match(all.connections[0], {
    user: 'ann',
    nick: 'Ann',
    endpoint: 'chat',
    transport: 'websocket',
    address: '127.0.0.1',
    since: Number,
    rooms: ['r'],
    received: 1,
    sent: 2,
    buffered: 0,
  })
  t.ok(all.connections[0].bytes_in > 0 && all.connections[0].bytes_out > 0)
  t.equal((await get('/connections?user=ann')).connections.length, 2)
  t.same(
    (await get('/connections?room=r')).connections.map(({ id }: { id: string }) => id),
    [all.connections[0].id],
  )
  const first = await get('/connections?limit=2')
  const second = await get(`/connections?limit=2&cursor=${first.cursor}`)
  t.equal(first.connections.length + second.connections.length, 3)
  t.notOk(second.cursor)
  t.same(await get(`/connections/${all.connections[1].id}`), all.connections[1])
  t.match(await get('/connections/none'), { statusCode: 404, code: 'NOT_FOUND' })
  const user = await service.request('GET', '/connections', { claims: ann })
  t.match(user.json(), { statusCode: 403, code: 'FORBIDDEN' })
})

t.test('health tells what runs, and the probes turn red with the store', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  const get = (path: string) => service.request('GET', path)
  t.match((await get('/health')).json(), {
    status: 'ok',
    version: /^\d+\.\d+\.\d+/,
    uptime: Number,
    port: service.port,
    connections: 1,
    rooms: 1,
    broker: { name: 'embedded', ok: true },
  })
  t.match(await get('/health/live'), { statusCode: 200 })
  t.match(await get('/health/ready'), { statusCode: 200 })

  const { broker } = service.app.parley
  t.intercept(broker, 'health', { value: () => ({ ok: false, since: 1, reason: 'no space' }) })
  t.intercept(broker, 'append', {
    value: async () => {
      throw new StoreUnavailable('no space', { retryAfter: 1500 })
    },
  })
  t.match((await get('/health')).json(), { status: 'unavailable', broker: { reason: 'no space' } })
  const ready = await get('/health/ready')
  t.equal(ready.statusCode, 503)
  t.match(ready.json(), { status: 'unavailable', reason: 'no space' })
  t.match(await get('/health/live'), { statusCode: 200 })
  const claims = { sub: 'ann' }
  const reply = await service.request('POST', '/rooms/r/messages', { claims, payload: { msg: 1 } })
  t.match(reply.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' })
  t.equal(reply.headers['retry-after'], '2')
})

t.test('guests are let in only when the settings say so', async (t) => {
  const service = await startService(t, { guests: false })
  const reply = await service.request('POST', '/guests', { payload: { nick: 'G' } })
  t.equal(reply.statusCode, 404)
})
