import t from 'tap'
import { StoreUnavailable } from '../../src/broker/broker.js'
import { ERROR_CODES } from '../../src/protocol/error-codes.js'
import { signToken } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'

t.test('the welcome tells who the client is and what it may do', async (t) => {
  const service = await startService(t, { maxRoomsPerConnection: 7 })
  const ann = await service.connect('ann', { claims: { name: 'Ann' } })
  t.match(ann.events[0], {
    event: 'welcome',
    connection: /^[\w-]{16}$/,
    user: 'ann',
    nick: 'Ann',
    version: 1,
    heartbeat: 25_000,
    expires: Number,
    limits: { message_bytes: 65_536, rooms: 7, messages_per_second: 0, burst: 100 },
  })
})

t.test('two clients talk in a room', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann', { claims: { name: 'Ann' } })
  const ben = await service.connect('ben')
  t.match(await ann.ask('join', { room: '8888' }), {
    event: 'ok',
    room: '8888',
    epoch: String,
    offset: 0,
    recovered: false,
    messages: [],
    members: [{ user: 'ann', nick: 'Ann' }],
    count: 1,
  })
  await ben.ask('join', { room: '8888', nick: 'Benny' })
  t.match(await ann.event('joined'), { room: '8888', user: 'ben', nick: 'Benny', members: 2 })

  const msg = { text: 'hello', __proto__: null, nested: [1, { a: null }] }
  const ok = await ann.ask('send_to_room', { id: 'm1', room: '8888', msg })
  t.match(ok, { event: 'ok', id: 'm1', room: '8888', offset: 1, epoch: String, time: Number })
  t.notOk('duplicate' in ok)
  const seen = await ben.event('message')
  t.same(seen, {
    event: 'message',
    room: '8888',
    offset: 1,
    id: 'm1',
    user: 'ann',
    nick: 'Ann',
    msg,
    time: ok.time,
  })
  t.same(await ann.event('message'), seen, 'the sender gets it too')

  t.match(await ben.ask('leave', { room: '8888' }), { event: 'ok', room: '8888' })
  t.match(await ann.event('left'), { room: '8888', user: 'ben', nick: 'Benny', members: 1 })
  await ann.ask('send_to_room', { room: '8888', msg: 'alone' })
  await ben.settled()
  t.equal(ben.messages('8888').length, 1, 'who left gets nothing more')
})

t.test('the same id is stored once', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  const first = await ann.ask('send_to_room', { id: 'x', room: 'r', msg: 1 })
  const again = await ann.ask('send_to_room', { id: 'x', room: 'r', msg: 2 })
  t.match(again, { offset: first.offset, epoch: first.epoch, time: first.time, duplicate: true })
  await ann.settled()
  t.equal(ann.messages('r').length, 1)
  t.match(await ann.ask('history', { room: 'r' }), { messages: [{ msg: 1 }], offset: 1 })
})

t.test('joined and left come once per user, however many connections', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  const tabs = [await service.connect('ben'), await service.connect('ben')]
  for (const tab of tabs) await tab.ask('join', { room: 'r' })
  await tabs[0]?.close()
  t.match(await ann.ask('members', { room: 'r' }), { count: 2, more: false })
  await tabs[1]?.close()
  t.match(await ann.event('left'), { user: 'ben', members: 1 })
  const presence = ann.events.filter(({ event }) => event === 'joined' || event === 'left')
  t.equal(presence.length, 2)
})

t.test('joining again changes the nick and is told to the others', async (t) => {
  const service = await startService(t)
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  await ann.ask('join', { room: 'r' })
  await ben.ask('join', { room: 'r' })
  t.match(await ben.ask('join', { room: 'r', nick: 'B.' }), { event: 'ok', count: 2 })
  await ann.event('joined')
  t.match(await ann.event('joined'), { user: 'ben', nick: 'B.', members: 2 })
  await ben.ask('send_to_room', { room: 'r', msg: 'x' })
  t.match(await ann.event('message'), { nick: 'B.' })
  await ben.close()
  t.match(await ann.event('left'), { user: 'ben', members: 1 })
})

t.test('who joins again as another nick misses nothing that was on its way', async (t) => {
  const service = await startService(t, { flushMs: 100 })
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  await ann.ask('join', { room: 'r' })
  await ben.ask('join', { room: 'r' })
  for (const msg of [1, 2, 3]) await ben.ask('send_to_room', { room: 'r', msg })
  t.match(await ann.ask('join', { room: 'r', nick: 'A.' }), { offset: 3, messages: [] })
  await ben.ask('send_to_room', { room: 'r', msg: 4 })
  const got = [await ann.event('message'), await ann.event('message')]
  got.push(await ann.event('message'), await ann.event('message'))
  t.strictSame(
    got.map(({ msg }) => msg),
    [1, 2, 3, 4],
  )
})

t.test('signals reach who is there and are never stored', async (t) => {
  const service = await startService(t)
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  await ann.ask('join', { room: 'r' })
  await ben.ask('join', { room: 'r' })
  ann.send({ action: 'signal', room: 'r', msg: { typing: true } })
  t.same(await ben.event('signal'), {
    event: 'signal',
    room: 'r',
    user: 'ann',
    nick: 'ann',
    msg: { typing: true },
  })
  t.match(await ann.ask('signal', { room: 'r', msg: 1 }), { event: 'ok', room: 'r' })
  t.match(await ann.ask('history', { room: 'r' }), { messages: [], offset: 0 })
})

t.test('a direct message reaches every connection of a user', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  const tabs = [await service.connect('ben'), await service.connect('ben')]
  t.match(await ann.ask('send_to_user', { user: 'ben', msg: 'psst' }), { connections: 2 })
  for (const tab of tabs) {
    t.match(await tab.event('direct'), { user: 'ann', nick: 'ann', msg: 'psst', time: Number })
  }
  t.match(await ann.ask('send_to_user', { user: 'nobody', msg: 1 }), { connections: 0 })
})

t.test('history is paged both ways without a hole', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  for (let i = 1; i <= 25; i++) await ann.ask('send_to_room', { room: 'r', msg: i })
  const offsets = (page: Record<string, unknown>) =>
    (page.messages as { offset: number }[]).map(({ offset }) => offset)
  const newest = await ann.ask('history', { room: 'r', limit: 10 })
  t.same(offsets(newest), [16, 17, 18, 19, 20, 21, 22, 23, 24, 25])
  t.match(newest, { more: true, first: 1, offset: 25 })
  t.same(offsets(await ann.ask('history', { room: 'r', before: 4, limit: 10 })), [1, 2, 3])
  const after = await ann.ask('history', { room: 'r', after: 22 })
  t.same(offsets(after), [23, 24, 25])
  t.match(after, { more: false })
})

t.test('members are paged in the order of user ids', async (t) => {
  const service = await startService(t)
  const users = ['a', 'b', 'c', 'd', 'e']
  const clients = await Promise.all(users.map((user) => service.connect(user)))
  for (const client of clients) await client.ask('join', { room: 'r' })
  const [first] = clients
  t.match(await first?.ask('members', { room: 'r', limit: 2 }), {
    members: [{ user: 'a' }, { user: 'b' }],
    count: 5,
    more: true,
  })
  t.match(await first?.ask('members', { room: 'r', limit: 3, after: 'b' }), {
    members: [{ user: 'c' }, { user: 'd' }, { user: 'e' }],
    more: false,
  })
})

t.test('auth replaces the token in place, for the same user only', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  const ok = await ann.ask('auth', { token: signToken({ sub: 'ann' }, 600) })
  t.match(ok, { event: 'ok', expires: Number })
  t.match(await ann.ask('auth', { token: signToken({ sub: 'ben' }) }), { code: 'UNAUTHORIZED' })
  t.match(await ann.ask('auth', { token: 'nonsense' }), { code: 'UNAUTHORIZED' })
})

t.test('actions of one connection take effect in the order they were sent', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  ann.send({ action: 'join', id: 'j', room: 'r' })
  for (let i = 0; i < 50; i++) ann.send({ action: 'send_to_room', id: `m${i}`, room: 'r', msg: i })
  ann.send({ action: 'leave', id: 'l', room: 'r' })
  ann.send({ action: 'send_to_room', id: 'late', room: 'r', msg: 'late' })
  t.match(await ann.reply('late'), { code: 'NOT_A_MEMBER' })
  const { messages } = await ann.ask('history', { room: 'r' })
  t.same(
    (messages as { msg: number }[]).map(({ msg }) => msg),
    [...Array(50).keys()],
  )
})

t.test('every error code of the wire', async (t) => {
  const service = await startService(t, {
    maxRoomsPerConnection: 1,
    rateLimitMessages: 1,
    rateLimitBurst: 30,
  })
  const claims = { rooms: { join: ['r', 'read-only', 'r2'], send: ['r', 'r2'] } }
  const ann = await service.connect('ann', { claims })
  const seen = new Set<unknown>()
  const expectError = async (message: object | string, expected: object) => {
    ann.send(message)
    const error = await ann.event('error')
    t.match(error, expected)
    t.type(error.message, 'string')
    seen.add(error.code)
  }
  await expectError('{', { code: 'BAD_JSON' })
  await expectError('[]', { code: 'BAD_JSON' })
  await expectError({ action: 'dance', id: '1' }, { code: 'BAD_ACTION', id: '1' })
  await expectError({ action: 'join', id: '2' }, { code: 'BAD_FIELD', id: '2', message: /"room"/ })
  const join = (room: string) => ({ action: 'join', id: room, room })
  await expectError(join('other'), { code: 'FORBIDDEN', id: 'other' })
  ann.send(join('r'))
  await ann.reply('r')
  await expectError(join('r2'), { code: 'ROOM_LIMIT', message: /MAX_ROOMS_PER_CONNECTION/ })
  await expectError(
    { action: 'send_to_room', id: 's', room: 'r2', msg: 1 },
    { code: 'NOT_A_MEMBER' },
  )
  await expectError({ action: 'leave', id: 's', room: 'r2' }, { code: 'NOT_A_MEMBER' })
  await expectError({ action: 'history', id: 'h', room: 'other' }, { code: 'FORBIDDEN' })
  await expectError({ action: 'auth', id: 'a', token: 'x' }, { code: 'UNAUTHORIZED', id: 'a' })
  ann.send({ action: 'leave', id: 'l', room: 'r' })
  ann.send(join('read-only'))
  await ann.reply('read-only')
  const send = { action: 'send_to_room', id: 'ro', room: 'read-only', msg: 1 }
  await expectError(send, { code: 'FORBIDDEN', id: 'ro' })
  for (let i = 0; i < 30; i++) ann.send({ action: 'ping' })
  const limited = await ann.event('error')
  t.match(limited, { code: 'RATE_LIMITED', retry_after: Number })
  seen.add(limited.code)
  const elsewhere = ['TOO_LARGE', 'STORE_UNAVAILABLE', 'INTERNAL']
  t.same([...seen, ...elsewhere].sort(), [...ERROR_CODES].sort(), 'the rest has tests of its own')
})

t.test('a broken store is told to the sender and to the probe, never an ok', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  const { broker } = service.app.parley
  t.intercept(broker, 'append', {
    value: async () => {
      throw new StoreUnavailable('disk full', { retryAfter: 250 })
    },
  })
  t.match(await ann.ask('send_to_room', { id: 'm', room: 'r', msg: 1 }), {
    event: 'error',
    id: 'm',
    code: 'STORE_UNAVAILABLE',
    retry_after: 250,
  })
})

t.test('a failure that nobody foresaw is INTERNAL, and the connection stays', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  t.intercept(service.app.parley.broker, 'members', {
    value: async () => {
      throw new Error('a secret detail')
    },
  })
  const error = await ann.ask('members', { room: 'r' })
  t.match(error, { code: 'INTERNAL' })
  t.notMatch(JSON.stringify(error), /secret/)
  await ann.settled()
})

t.test('ten malformed messages in a row close the connection; nine do not', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 9; i++) ann.send('nonsense')
    await ann.settled()
  }
  for (let i = 0; i < 10; i++) ann.send('nonsense')
  t.match(await ann.closed, { code: 4502 })
})

t.test('a binary message closes with 1003, a too large one with 1009', async (t) => {
  const service = await startService(t, { maxMessageBytes: 1000 })
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  ann.socket.send(Buffer.from('{"action":"ping"}'))
  t.match(await ann.closed, { code: 1003 })
  ben.send('x'.repeat(1001))
  t.match(await ben.closed, { code: 1009 })
})

t.test('who keeps sending over the rate limit is closed with 4029', async (t) => {
  const service = await startService(t, { rateLimitMessages: 1, rateLimitBurst: 5 })
  const ann = await service.connect('ann')
  for (let i = 0; i < 100; i++) ann.send({ action: 'ping' })
  t.match(await ann.closed, { code: 4029 })
})

t.test('a slow consumer is closed, and the others are not slowed', async (t) => {
  const service = await startService(t, { maxBufferedBytes: 65_536 })
  const [ann, slow] = [await service.connect('ann'), await service.connect('slow')]
  await slow.ask('join', { room: 'r' })
  await ann.ask('join', { room: 'r' })
  slow.socket.pause()
  const msg = 'x'.repeat(30_000)
  const { connections } = service.app
  while (connections.ofUser('slow').size > 0) {
    t.match(await ann.ask('send_to_room', { room: 'r', msg }), { event: 'ok' })
    const [connection] = connections.ofUser('slow')
    t.ok((connection?.transport.buffered ?? 0) < 65_536 + 3 * 30_100, 'bounded')
    if (connection?.open === false) break
  }
  slow.socket.resume()
  const { code } = await slow.closed
  t.ok(code === 4008 || code === 1006, `closed with ${code}`)
})
