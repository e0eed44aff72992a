import t from 'tap'
import { startService } from '../helpers/service.js'

const admin = { sub: 'root', scope: 'admin' }
const publisher = { sub: 'backend', scope: 'publish', rooms: [] }

t.test('what administers is refused without its scope', async (t) => {
  const service = await startService(t)
  const routes: ['GET' | 'POST' | 'DELETE', string, object?][] = [
    ['DELETE', '/rooms/r/messages'],
    ['DELETE', '/rooms/r/members/ann'],
    ['GET', '/connections'],
    ['GET', '/connections/x'],
    ['DELETE', '/connections/x'],
    ['POST', '/users/ann/messages', { msg: 1 }],
    ['DELETE', '/users/ann/connections'],
    ['POST', '/broadcast', { msg: 1 }],
    ['POST', '/revocations', { jti: 'x' }],
    ['POST', '/drain'],
  ]
  for (const [method, path, payload] of routes) {
    const name = `${method} ${path}`
    t.match((await service.request(method, path, { payload })).json(), { statusCode: 401 }, name)
    const claims = { sub: 'ann', scope: 'administrator guest' }
    const reply = await service.request(method, path, { payload, claims })
    t.match(reply.json(), { statusCode: 403, code: 'FORBIDDEN', message: /scope/ }, name)
  }
  t.equal((await service.request('GET', '/health')).json().status, 'ok')
})

t.test('an erased room has a new epoch, and its members are told', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  const { epoch } = await ann.ask('join', { room: 'r' })
  await ann.ask('send_to_room', { room: 'r', msg: 1 })
  const reply = await service.request('DELETE', '/rooms/r/messages', { claims: admin })
  t.match(reply, { statusCode: 200 })
  t.match(await ann.event('reset'), { room: 'r', ...reply.json(), offset: 0 })
  t.not(reply.json().epoch, epoch)
  const page = await service.request('GET', '/rooms/r/messages', { claims: admin })
  t.match(page.json(), { messages: [], offset: 0 })
})

t.test('a removed member is told, the others too, and it can join again', async (t) => {
  const service = await startService(t)
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  for (const client of [ann, ben]) await client.ask('join', { room: 'r' })
  const reply = await service.request('DELETE', '/rooms/r/members/ann', { claims: admin })
  t.equal(reply.statusCode, 204)
  for (const client of [ann, ben]) {
    t.match(await client.event('left'), { room: 'r', user: 'ann', members: 1 })
  }
  await ben.ask('send_to_room', { room: 'r', msg: 1 })
  t.match(await ann.ask('send_to_room', { room: 'r', msg: 2 }), { code: 'NOT_A_MEMBER' })
  t.same(ann.messages('r'), [])
  t.match(await ann.ask('join', { room: 'r' }), { event: 'ok', count: 2 })
})

t.test('one connection is closed by its id', async (t) => {
  const service = await startService(t)
  const [ann, other] = [await service.connect('ann'), await service.connect('ann')]
  const path = `/connections/${ann.events[0]?.connection}`
  t.equal((await service.request('DELETE', path, { claims: admin })).statusCode, 204)
  t.same(await ann.closed, { code: 4501, reason: 'Disconnected by an administrator' })
  await other.settled()
  t.equal((await service.request('DELETE', path, { claims: admin })).statusCode, 202)
})

t.test('a backend sends to every connection of a user', async (t) => {
  const service = await startService(t)
  const clients = [await service.connect('ann'), await service.connect('ann')]
  const ben = await service.connect('ben')
  const payload = { msg: { hello: ['world'] }, nick: 'Billing' }
  const reply = await service.request('POST', '/users/ann/messages', { claims: publisher, payload })
  t.match(reply, { statusCode: 200 })
  t.same(reply.json(), { connections: 2 })
  for (const client of clients) {
    t.match(await client.event('direct'), { user: 'backend', ...payload, time: Number })
  }
  await ben.settled()
  t.notOk(ben.events.some(({ event }) => event === 'direct'))
  const bad = await service.request('POST', '/users/ann/messages', {
    claims: publisher,
    headers: { 'content-type': 'application/json' },
    payload: '{"msg":1e999}',
  })
  t.match(bad.json(), { statusCode: 400, code: 'BAD_FIELD' })
})

t.test('a broadcast reaches everyone in the chat', async (t) => {
  const service = await startService(t)
  const clients = [await service.connect('ann'), await service.connect('ben')]
  const payload = { msg: 'maintenance at noon' }
  t.equal((await service.request('POST', '/broadcast', { claims: admin, payload })).statusCode, 202)
  for (const client of clients) {
    t.match(await client.event('direct'), { user: 'root', nick: 'root', msg: payload.msg })
  }
})

t.test('the scope publish sends to any room, and reads none by it', async (t) => {
  const service = await startService(t)
  const payload = { msg: 1 }
  const headers = { 'idempotency-key': 'k1' }
  const send = () =>
    service.request('POST', '/rooms/any/messages', { claims: publisher, payload, headers })
  t.match(await send(), { statusCode: 201 })
  t.match((await send()).json(), { offset: 1, duplicate: true })
  const read = await service.request('GET', '/rooms/any/messages', { claims: publisher })
  t.match(read.json(), { statusCode: 403 })
})
