import t from 'tap'
import type { Room } from '../../client/index.js'
import { connected, type Setup } from './support/setup.js'
import { GARBAGE } from './support/storm.js'
import { settle } from './support/virtual-clock.js'

/** What a room emits, as short texts. */
function record(room: Room): string[] {
  const log: string[] = []
  room.on('message', ({ epoch, offset, msg }) => log.push(`${epoch}/${offset} ${msg}`))
  room.on('reset', ({ epoch, offset, reason }) => log.push(`${reason} ${epoch}/${offset}`))
  return log
}

async function joined(
  options: Parameters<typeof connected>[0] = {},
  name = 'r',
): Promise<Setup & { readonly room: Room; readonly log: string[] }> {
  const scene = await connected(options)
  const room = scene.client.room(name)
  const log = record(room)
  void room.join()
  await scene.clock.advance(2000)
  return { ...scene, room, log }
}

const joins = ({ server }: Setup) =>
  server.sockets.flatMap(({ received }) => received.filter(({ action }) => action === 'join'))

t.test('a room is one object, joined with what was asked for', async (t) => {
  const { client, clock, server } = await connected()
  for (const text of ['a', 'b', 'c']) server.publish('r', text)
  const room = client.room('r')
  t.equal(client.room('r'), room)
  t.same([room.name, room.state, room.position], ['r', 'left', undefined])
  const states: string[] = []
  room.on('state', (state) => states.push(`${state} ${room.position?.offset}`))
  const log = record(room)
  const join = room.join({ nick: 'Me', history: 2 })
  await clock.advance(100)
  t.match(await join, { epoch: 'e1', offset: 3, first: 1, count: 1, members: [{ user: 'me' }] })
  t.match(server.last.received, [{ room: 'r', nick: 'Me', history: 2 }])
  t.same(log, ['e1/2 b', 'e1/3 c'])
  t.same(states, ['joining undefined', 'joined 3'])
  t.same(room.position, { epoch: 'e1', offset: 3 })
  server.publish('r', 'd')
  await clock.advance(100)
  t.same(log.at(-1), 'e1/4 d')
})

t.test('join connects by itself, and waits for the connection', async (t) => {
  const { clock, server, client } = await connected()
  server.door = 'refused'
  server.kill()
  const join = client.room('r').join()
  await clock.advance(5000)
  t.equal(client.room('r').state, 'joining')
  server.door = 'open'
  await clock.advance(60_000)
  t.match(await join, { offset: 0 })
})

t.test('after a reconnect what was missed comes first, and nothing twice', async (t) => {
  const scene = await joined()
  const { server, clock, log, room } = scene
  server.publish('r', 'a')
  await clock.advance(100)
  const order: string[] = []
  room.on('state', (state) => order.push(state))
  room.on('message', ({ msg }) => order.push(String(msg)))
  server.kill()
  server.publish('r', 'b')
  server.publish('r', 'c')
  await clock.advance(2000)
  server.publish('r', 'd')
  await clock.advance(100)
  t.same(order, ['joining', 'b', 'c', 'joined', 'd'])
  t.same(log, ['e1/1 a', 'e1/2 b', 'e1/3 c', 'e1/4 d'])
  t.match(joins(scene).at(-1), { since: { epoch: 'e1', offset: 1 } })
})

t.test('more than a page goes on live without a hole', async (t) => {
  const { server, clock, log } = await joined()
  server.pageSize = 3
  server.kill()
  for (let n = 1; n <= 10; n++) server.publish('r', n)
  await clock.advance(2000)
  t.same(
    log,
    Array.from({ length: 10 }, (_, i) => `e1/${i + 1} ${i + 1}`),
  )
})

t.test('a hole in what comes live is filled before anything behind it is emitted', async (t) => {
  const scene = await joined()
  const { server, clock, log } = scene
  server.publish('r', 'a')
  server.tamper = () => []
  server.publish('r', 'b')
  server.tamper = (frame) => [frame, frame]
  server.publish('r', 'c')
  server.publish('r', 'd')
  await clock.advance(100)
  t.same(log, ['e1/1 a', 'e1/2 b', 'e1/3 c', 'e1/4 d'])
  t.equal(joins(scene).length, 2)
})

t.test('a server that shows hole after hole is not asked in a circle', async (t) => {
  const scene = await joined()
  const { server, clock } = scene
  const { publish } = server
  for (let n = 0; n < 300; n++) {
    server.tamper = () => []
    publish.call(server, 'r', 'lost')
    server.tamper = (frame) => [frame]
    publish.call(server, 'r', 'seen')
    await clock.advance(10)
  }
  t.ok(joins(scene).length <= 6, `${joins(scene).length} joins in 3 s`)
})

t.test('a log that was erased is announced, and goes on from there', async (t) => {
  const { server, clock, log, room } = await joined()
  server.publish('r', 'a')
  await clock.advance(100)
  server.erase('r')
  server.publish('r', 'b')
  server.publish('r', 'c')
  await clock.advance(2000)
  t.same(log, ['e1/1 a', 'erased e2/0', 'e2/1 b', 'e2/2 c'])
  t.same(room.position, { epoch: 'e2', offset: 2 })
})

t.test(
  'what is written right after an erasure is not lost on who asked for no history',
  async (t) => {
    const { server, clock, client } = await connected()
    const room = client.room('r')
    const log = record(room)
    void room.join({ history: 0 })
    await clock.advance(100)
    server.erase('r')
    for (const text of ['a', 'b']) server.publish('r', text)
    await clock.advance(10)
    t.same(log, ['erased e2/0', 'e2/1 a', 'e2/2 b'])
    server.kill()
    server.erase('r')
    for (const text of ['c', 'd']) server.publish('r', text)
    await clock.advance(2000)
    t.same(log.slice(3), ['erased e3/0', 'e3/1 c', 'e3/2 d'])
  },
)

t.test('what a log that began anew has kept comes before what follows', async (t) => {
  const { server, clock, log } = await joined()
  for (const text of ['a', 'b', 'c']) server.publish('r', text)
  await clock.advance(2000)
  server.erase('r', 2)
  server.publish('r', 'd')
  await clock.advance(2000)
  t.same(log.slice(3), ['erased e2/0', 'e2/1 a', 'e2/2 b', 'e2/3 d'])
})

t.test('a log that was erased while away is announced as well', async (t) => {
  const { server, clock, log } = await joined()
  server.publish('r', 'a')
  await clock.advance(100)
  server.kill()
  server.erase('r')
  for (const text of ['b', 'c', 'd']) server.publish('r', text)
  await clock.advance(2000)
  t.same(log, ['e1/1 a', 'erased e2/0', 'e2/1 b', 'e2/2 c', 'e2/3 d'])
})

t.test('a new epoch in a message is noticed without a reset event', async (t) => {
  const { server, clock, log } = await joined()
  server.publish('r', 'a')
  server.tamper = () => []
  server.erase('r')
  server.tamper = (frame) => [frame]
  // Offsets alone would let the second of these pass for the successor of the old first.
  server.publish('r', 'b')
  server.publish('r', 'c')
  await clock.advance(2000)
  t.same(log, ['e1/1 a', 'erased e2/0', 'e2/1 b', 'e2/2 c'])
})

t.test('a log that lost its end without a new epoch is announced', async (t) => {
  const { server, clock, log, room } = await joined()
  for (const text of ['a', 'b', 'c']) server.publish('r', text)
  await clock.advance(100)
  server.kill()
  server.room('r').log.length = 1
  await clock.advance(2000)
  t.same(log.slice(3), ['erased e1/0', 'e1/1 a'])
  t.same(room.position, { epoch: 'e1', offset: 1 })
})

t.test('when more was missed than is kept, the gap is announced', async (t) => {
  const { server, clock, log } = await joined()
  server.publish('r', 'a')
  await clock.advance(100)
  server.kill()
  for (let n = 2; n <= 9; n++) server.publish('r', n)
  server.trim('r', 2)
  await clock.advance(2000)
  t.same(log, ['e1/1 a', 'gap e1/7', 'e1/8 8', 'e1/9 9'])
})

t.test('what a join answers with a hole in it counts as missing', async (t) => {
  const { server, clock, log } = await joined()
  const { handle } = server
  server.kill()
  for (let n = 1; n <= 4; n++) server.publish('r', n)
  server.handle = (socket, action) => {
    const { log: all } = server.room('r')
    const [second] = all.splice(1, 1)
    handle.call(server, socket, action)
    if (second) all.splice(1, 0, second)
  }
  await clock.advance(2000)
  t.match(log[0], /^gap/)
})

t.test('a position of one’s own is where a join goes on', async (t) => {
  const { server, clock, client } = await connected()
  for (const text of ['a', 'b', 'c']) server.publish('r', text)
  const room = client.room('r')
  const log = record(room)
  void room.join({ since: { epoch: 'e1', offset: 1 } })
  await clock.advance(100)
  t.same(log, ['e1/2 b', 'e1/3 c'])
  const other = client.room('s')
  const otherLog = record(other)
  void other.join({ since: { epoch: 'e0', offset: 7 } })
  await clock.advance(100)
  t.same(otherLog, ['erased e2/0'])
})

t.test('a join that cannot be granted now is tried again; one that is refused ends', async (t) => {
  const { server, clock, client } = await connected()
  const room = client.room('r')
  for (const code of ['RATE_LIMITED', 'STORE_UNAVAILABLE', 'INTERNAL']) {
    server.refusals.push({ action: 'join', code, retry_after: 300 })
  }
  const join = room.join()
  await clock.advance(800)
  t.equal(room.state, 'joining')
  await clock.advance(1500)
  t.match(await join, { offset: 0 })

  const forbidden = client.room('secret')
  const states: unknown[] = []
  forbidden.on('state', (state, { error }) => states.push([state, error?.code]))
  server.refusals.push({ action: 'join', code: 'FORBIDDEN' })
  const refused = forbidden.join()
  await clock.advance(100)
  await t.rejects(refused, { code: 'FORBIDDEN', message: 'refused' })
  t.same(states, [
    ['joining', undefined],
    ['failed', 'FORBIDDEN'],
  ])
  await t.rejects(forbidden.send(1), { code: 'FORBIDDEN' })
  t.equal(room.state, 'joined', 'other rooms are not concerned')
  server.kill()
  await clock.advance(2000)
  t.same([room.state, forbidden.state], ['joined', 'failed'])
  const again = forbidden.join()
  await clock.advance(100)
  t.match(await again, { offset: 0 })
})

t.test('a room that was left stays left', async (t) => {
  const { server, clock, room, log } = await joined()
  server.publish('r', 'a')
  await clock.advance(100)
  const left = room.leave()
  server.publish('r', 'b')
  await clock.advance(100)
  await left
  await room.leave()
  t.same([room.state, room.position, room.count, room.memberList], ['left', undefined, 0, []])
  t.notOk(server.last.rooms.has('r'))
  server.kill()
  await clock.advance(2000)
  t.notOk(server.last.rooms.has('r'))
  t.same(log, ['e1/1 a'])
  void room.join({ history: 1 })
  await clock.advance(2000)
  t.same(log, ['e1/1 a', 'e1/2 b'])
})

t.test('leaving works without a connection, and when the server is busy', async (t) => {
  const { server, clock, room } = await joined()
  server.refusals.push({ action: 'leave', code: 'RATE_LIMITED', retry_after: 200 })
  const left = room.leave()
  await clock.advance(100)
  await left
  t.ok(server.last.rooms.has('r'))
  await clock.advance(200)
  t.notOk(server.last.rooms.has('r'))

  void room.join()
  server.kill()
  const offline = room.leave()
  await offline
  await clock.advance(2000)
  t.notOk(server.last.rooms.has('r'))
})

t.test('leaving and joining again at once ends in the room', async (t) => {
  const { server, clock, room } = await joined()
  server.refusals.push({ action: 'leave', code: 'RATE_LIMITED', retry_after: 500 })
  void room.leave()
  const join = room.join()
  await clock.advance(5000)
  await join
  t.ok(server.last.rooms.has('r'))
  t.equal(room.state, 'joined')
})

t.test('who leaves as soon as the room is joined is out', async (t) => {
  const { server, clock, client } = await connected()
  const room = client.room('r')
  room.on('state', (state) => {
    if (state === 'joined') void room.leave()
  })
  const join = room.join()
  await clock.advance(100)
  await t.rejects(join, { code: 'LEFT' })
  t.same([room.state, room.memberList, room.count], ['left', [], 0])
  t.notOk(server.last.rooms.has('r'))
})

t.test('what still comes of a room that was left is not emitted', async (t) => {
  const { server, clock, room, log } = await joined()
  const seen: string[] = []
  for (const name of ['signal', 'joined', 'left'] as const) room.on(name, () => seen.push(name))
  void room.leave()
  const ann = { room: 'r', user: 'ann', nick: 'Ann', members: 2, msg: 1 }
  for (const event of ['signal', 'joined', 'left']) server.last.push({ event, ...ann })
  server.last.push({ event: 'reset', room: 'r', epoch: 'e9', offset: 0 })
  await clock.advance(100)
  t.same([seen, log], [[], []])
})

t.test('leaving while a join is on its way ends the join', async (t) => {
  const { server, clock, client } = await connected()
  const room = client.room('r')
  const join = room.join()
  void room.leave()
  await t.rejects(join, { code: 'LEFT' })
  await clock.advance(100)
  t.equal(room.state, 'left')
  t.notOk(server.last.rooms.has('r'))
})

t.test('who is taken out of a room is told, and stays out', async (t) => {
  const { server, clock, room } = await joined()
  const states: unknown[] = []
  room.on('state', (state, { error }) => states.push([state, error?.code]))
  server.last.rooms.delete('r')
  const event = { event: 'left', room: 'r', user: 'me', nick: 'me', members: 3 }
  server.last.push(event)
  await clock.advance(100)
  t.equal(room.state, 'joined', 'another connection of this user left')
  server.last.push({ ...event, removed: true })
  await clock.advance(100)
  t.same(states, [['left', 'REMOVED']])
  await t.rejects(room.send(1), { code: 'REMOVED' })
  server.kill()
  await clock.advance(2000)
  t.notOk(server.last.rooms.has('r'))
})

t.test('handlers may leave, join and close in the middle of a batch', async (t) => {
  const { server, clock, client } = await connected()
  for (let n = 1; n <= 5; n++) server.publish('r', n)
  const room = client.room('r')
  const log = record(room)
  const off = room.on('message', ({ offset }) => {
    if (offset === 2) void room.leave()
  })
  const join = room.join({ history: 5 })
  await clock.advance(100)
  await t.rejects(join, { code: 'LEFT' })
  t.same(log, ['e1/1 1', 'e1/2 2'])
  off()
  room.on('message', ({ offset }) => {
    if (offset === 3) client.close()
  })
  void room.join({ history: 5 })
  await clock.advance(2000)
  t.same(log.slice(2), ['e1/1 1', 'e1/2 2', 'e1/3 3'])
})

t.test('a handler that throws costs no message', async (t) => {
  Object.assign(globalThis, { reportError: () => {} })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'reportError'))
  const { server, clock, room, log } = await joined()
  room.on('message', () => {
    throw new Error('mine')
  })
  server.publish('r', 'a')
  server.kill()
  server.publish('r', 'b')
  await clock.advance(2000)
  server.publish('r', 'c')
  await clock.advance(100)
  t.same(log, ['e1/1 a', 'e1/2 b', 'e1/3 c'])
})

t.test('members are kept up to date', async (t) => {
  const { server, clock, room } = await joined()
  const changes: string[] = []
  room.on('members', () => changes.push(room.memberList.map(({ nick }) => nick).join()))
  room.on('joined', ({ nick, members }) => changes.push(`+${nick} ${members}`))
  room.on('left', ({ nick, members }) => changes.push(`-${nick} ${members}`))
  const ann = { room: 'r', user: 'ann', nick: 'Ann' }
  server.last.push({ event: 'joined', ...ann, members: 2 })
  server.last.push({ event: 'joined', ...ann, nick: 'Anna', members: 2 })
  server.last.push({ event: 'left', ...ann, nick: 'Anna', members: 1 })
  await clock.advance(100)
  t.same(changes, ['me,Ann', '+Ann 2', 'me,Anna', '+Anna 2', 'me', '-Anna 1'])
  t.equal(room.count, 1)
  const page = room.members({ limit: 10 })
  await clock.advance(100)
  t.match(await page, { members: [{ user: 'me' }], count: 1, more: false })
})

t.test('a room is joined again when its list has more members than there are', async (t) => {
  const scene = await joined()
  const { server, clock, room } = scene
  const users = () => room.memberList.map(({ user }) => user).join()
  const tell = (event: 'joined' | 'left', user: string, members: number) =>
    server.last.push({ event, room: 'r', user, nick: user, members })
  tell('joined', 'ghost', 2)
  tell('joined', 'ann', 2)
  await clock.advance(500)
  t.same([users(), room.count, joins(scene).length], ['me,ghost,ann', 2, 1], 'not at once')
  tell('left', 'ghost', 2)
  await clock.advance(6000)
  t.equal(joins(scene).length, 1, 'nor when they do so again')
  server.refusals.push({ action: 'join', code: 'STORE_UNAVAILABLE', retry_after: 100 })
  tell('joined', 'bob', 2)
  await clock.advance(6000)
  t.equal(joins(scene).length, 3, 'once more after a refusal')
  t.same([users(), room.count, room.state], ['me', 1, 'joined'])
  await clock.advance(60_000)
  t.equal(joins(scene).length, 3)
  tell('joined', 'bob', 1)
  await clock.advance(10)
  t.equal(room.count, 1)
  scene.client.close()
  await clock.advance(10_000)
  t.same([joins(scene).length, scene.own.pending], [3, 0], 'not after the end')
})

t.test('the list of members stays within its bound', async (t) => {
  const { server, clock, room } = await joined()
  for (let n = 0; n < 1100; n++) {
    const user = `u${n}`
    server.last.push({ event: 'joined', room: 'r', user, nick: user, members: n + 2 })
  }
  await clock.advance(100)
  t.same([room.memberList.length, room.count], [1000, 1101])
})

t.test('signals go out when they can, and come in', async (t) => {
  const { server, clock, room } = await joined()
  const got: unknown[] = []
  room.on('signal', ({ user, nick, msg }) => got.push([user, nick, msg]))
  t.equal(room.signal({ typing: true }), true)
  await clock.advance(100)
  t.same(got, [['me', 'me', { typing: true }]])
  server.last.bufferedAmount = 1e6
  t.equal(room.signal(1), false, 'what is worth nothing later does not pile up')
  server.kill()
  t.equal(room.signal(1), false)
})

t.test('history is read in pages', async (t) => {
  const { server, clock, room } = await joined()
  for (let n = 1; n <= 7; n++) server.publish('r', n)
  const newest = room.history({ before: 6, limit: 3 })
  const oldest = room.history({ after: 2, limit: 2 })
  await clock.advance(100)
  t.match(await newest, {
    epoch: 'e1',
    offset: 7,
    first: 1,
    more: true,
    messages: [{ offset: 3, epoch: 'e1' }, { offset: 4 }, { offset: 5 }],
  })
  t.match(await oldest, { messages: [{ offset: 3 }, { offset: 4 }] })
  server.kill()
  await t.rejects(room.history(), { code: 'DISCONNECTED' })
})

t.test('a loop over a room reads every message until it is left', async (t) => {
  const { server, clock, client } = await connected()
  const room = client.room('r')
  server.publish('r', 0)
  const read: unknown[] = []
  const loop = (async () => {
    for await (const { msg } of room) read.push(msg)
    return 'left'
  })()
  void room.join({ history: 1 })
  await clock.advance(100)
  server.publish('r', 1)
  server.kill()
  server.publish('r', 2)
  await clock.advance(2000)
  t.same(read, [0, 1, 2])
  void room.leave()
  t.equal(await loop, 'left')
})

t.test('a loop that is left early holds nothing; one that is too slow fails', async (t) => {
  const { server, clock, room } = await joined()
  const first = (async () => {
    for await (const { msg } of room) return msg
    return undefined
  })()
  await settle()
  server.publish('r', 'a')
  await clock.advance(100)
  t.equal(await first, 'a')

  const slow = room[Symbol.asyncIterator]()
  const next = slow.next()
  await settle()
  for (let n = 0; n < 10_050; n++) server.last.deliver(JSON.stringify(server.publish('r', n)))
  t.match(await next, { value: { offset: 2 } })
  let count = 1
  await t.rejects(
    (async () => {
      for (;;) {
        const { value } = await slow.next()
        if (value.offset !== ++count + 1) throw new Error('a hole')
      }
    })(),
    { code: 'OVERFLOW' },
  )
  t.equal(count, 10_000)
})

t.test('what is not of the protocol is reported and changes nothing', async (t) => {
  const { server, clock, errors, log, client } = await joined()
  for (const text of GARBAGE) server.last.push(text)
  server.last.deliver(new ArrayBuffer(3))
  server.publish('r', 'a')
  await clock.advance(100)
  t.equal(errors.filter((code) => code === 'BAD_EVENT').length, GARBAGE.length - 3)
  t.equal(errors.filter((code) => code === 'INTERNAL').length, 1)
  t.same(log, ['e1/1 a'])
  t.equal(client.state, 'connected')
  t.equal(server.sockets.length, 1)
})

t.test('an answer that cannot be read costs the connection, not the messages', async (t) => {
  const { server, clock, room, errors } = await joined()
  server.tamper = (frame) => [frame.replace('"offset":1', '"offset":"one"')]
  const sent = room.send('a')
  await clock.advance(100)
  t.ok(errors.includes('BAD_EVENT'))
  server.tamper = (frame) => [frame]
  await clock.advance(100_000)
  t.match(await sent, { offset: 1, duplicate: true })
})
