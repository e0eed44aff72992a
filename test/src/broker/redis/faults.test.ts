import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../../../src/broker/broker.js'
import { Keys } from '../../../../src/broker/redis/keys.js'
import { ENTER, LEAVE } from '../../../../src/broker/redis/presence-scripts.js'
import { presenceKeys } from '../../../../src/broker/redis/retire.js'
import type { Recorder } from '../../../contract/recorder.js'
import { noRedis, type RedisServer, startRedisCluster } from '../../../helpers/redis.js'
import { TcpProxy } from '../../../helpers/tcp-proxy.js'
import {
  appendAll,
  ids,
  message,
  READ,
  range,
  startNode,
  startRedis,
  startReplicated,
  until,
} from './setup.js'

const AOF = ['--appendonly', 'yes', '--appendfsync', 'always']

t.setTimeout(120_000)
t.test('the Redis broker under faults', { skip: noRedis }, async (t) => {
  t.test('while Redis is away, appends are refused at once; then all goes on', async (t) => {
    const redis = await startRedis(t, AOF)
    const { broker, heard } = await startNode(t, [redis.url])
    await broker.subscribe('r')
    await broker.enter('r', { user: 'ann', nick: 'Ann' })
    await appendAll(broker, 1, 20)
    await redis.kill()
    await until(() => !broker.health().ok)
    const before = performance.now()
    await t.rejects(broker.append('r', message(21)), StoreUnavailable)
    await t.rejects(broker.read('r', READ), StoreUnavailable)
    await t.rejects(broker.subscribe('other'), StoreUnavailable)
    t.ok(performance.now() - before < 500, 'without waiting')
    t.match(broker.health(), { ok: false, since: Number, reason: /./ })
    await redis.restart()
    await until(() => broker.health().ok)
    await appendAll(broker, 21, 40)
    t.same(heard.offsets('r'), range(1, 40))
    t.same(
      heard.presenceOf('r').map(({ change }) => change),
      ['joined'],
      'nobody left',
    )
    t.equal((await broker.members('r', { limit: 10 })).count, 1)
  })

  t.test('an append whose reply is lost is stored once and acknowledged', async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis)
    const { broker, heard } = await startNode(t, [proxyUrl(proxy)])
    await broker.subscribe('r')
    await appendAll(broker, 1, 5)
    proxy.cut('down')
    const unknown = range(6, 15).map((n) => broker.append('r', message(n)))
    await until(async () => (await redis.send('XLEN', keys.room('r').log)) === 15)
    proxy.reset()
    proxy.heal()
    const results = await Promise.all(unknown)
    t.same(
      results.map(({ offset }) => offset),
      range(6, 15),
    )
    await heard.until(() => heard.offsets('r').length === 15)
    t.same(heard.offsets('r'), range(1, 15))
    t.same(
      await ids(broker),
      range(1, 15).map((n) => `m${n}`),
    )
  })

  t.test('who is entered by a connection that was given up long ago is not there', async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis)
    const { broker } = await startNode(t, [proxyUrl(proxy)])
    await broker.enter('r', { user: 'ann', nick: 'Ann' })
    const heldBy = () => redis.send('KEYS', keys.room('r').held('*')) as Promise<string[]>
    const [old] = await heldBy()
    proxy.reset()
    await until(async () => (await heldBy()).some((held) => held !== old))
    await until(
      async () => !((await redis.send('SMEMBERS', old as string)) as string[]).includes('ann'),
    )
    // What that connection had sent, and Redis reads only now.
    const names = presenceKeys(keys.room('r'), (old as string).split(':').at(-1) as string)
    await redis.send('EVAL', ENTER.text, '7', ...names, 'ghost', 'Ghost', '0', '0')
    t.same((await broker.members('r', { limit: 10 })).members, [{ user: 'ann', nick: 'Ann' }])
    await redis.send('EVAL', LEAVE.text, '7', ...names, 'ann', 'Ann')
    t.equal((await broker.members('r', { limit: 10 })).count, 1, 'nor does it take anybody away')
  })

  t.test(
    'whoever enters after everything was erased is held by a node that is known',
    async (t) => {
      const redis = await startRedis(t)
      const { broker } = await startNode(t, [redis.url])
      await broker.enter('r', { user: 'ann', nick: 'Ann' })
      await redis.send('FLUSHALL')
      // Before the node has noticed by itself.
      await Promise.all([
        broker.enter('r', { user: 'ben', nick: 'Ben' }),
        broker.enter('r', { user: 'cat', nick: 'Cat' }),
        broker.enter('new', { user: 'dan', nick: 'Dan' }),
      ])
      const known = (await redis.send('ZRANGE', keys.nodes.name, '0', '-1')) as string[]
      for (const room of ['r', 'new']) {
        const names = (await redis.send('KEYS', keys.room(room).held('*'))) as string[]
        for (const name of names) {
          const [user] = ((await redis.send('SMEMBERS', name)) as string[]).filter(Boolean)
          if (user === undefined) continue
          const node = name.slice(name.lastIndexOf(':') + 1)
          const rooms = (await redis.send('SMEMBERS', keys.roomsOf(node).name)) as string[]
          t.ok(known.includes(node) && rooms.includes(room), `${room} is held by ${node}`)
        }
      }
      const users = async (room: string) =>
        (await broker.members(room, { limit: 10 })).members.map(({ user }) => user)
      t.same(await users('r'), ['ann', 'ben', 'cat'])
      t.same(await users('new'), ['dan'])
    },
  )

  t.test('who is held by a node that nobody knows is taken away', async (t) => {
    const redis = await startRedis(t)
    const { broker } = await startNode(t, [redis.url])
    await broker.enter('r', { user: 'ann', nick: 'Ann' })
    const unknown = presenceKeys(keys.room('r'), 'killed-too-early')
    await redis.send('EVAL', ENTER.text, '7', ...unknown, 'ghost', 'Ghost', '0', '0')
    t.equal((await broker.members('r', { limit: 10 })).count, 2)
    await until(async () => (await broker.members('r', { limit: 10 })).count === 1)
    t.same((await broker.members('r', { limit: 10 })).members, [{ user: 'ann', nick: 'Ann' }])
  })

  t.test(
    'a second connection of the only one here finds out that everything was erased',
    async (t) => {
      const redis = await startRedis(t)
      const { broker } = await startNode(t, [redis.url])
      await broker.enter('r', { user: 'ann', nick: 'Ann' })
      await redis.send('FLUSHALL')
      await broker.enter('r', { user: 'ann', nick: 'Ann' })
      const [holder] = (await redis.send('SMEMBERS', keys.room('r').holders)) as string[]
      t.ok(await redis.send('ZSCORE', keys.nodes.name, holder as string), 'its node is known again')
    },
  )

  t.test('whoever leaves after everything was erased is told to have left, once', async (t) => {
    const redis = await startRedis(t)
    const { broker, heard } = await startNode(t, [redis.url])
    await broker.subscribe('r')
    await broker.enter('r', { user: 'ann', nick: 'Ann' })
    await broker.enter('r', { user: 'ben', nick: 'Ben' })
    await redis.send('FLUSHALL')
    // Before the node has noticed by itself.
    await broker.leave('r', 'ben')
    const left = () => heard.presenceOf('r').filter(({ change }) => change === 'left')
    await until(() => left().length > 0)
    await broker.enter('r', { user: 'cat', nick: 'Cat' })
    await broker.leave('r', 'cat')
    await until(() => left().length > 1)
    t.match(left(), [{ user: 'ben', nick: 'Ben' }, { user: 'cat' }])
    t.same((await broker.members('r', { limit: 10 })).members, [{ user: 'ann', nick: 'Ann' }])
  })

  t.test('who leaves while Redis is away has left when it comes back with nothing', async (t) => {
    const redis = await startRedis(t)
    const { broker, heard } = await startNode(t, [redis.url])
    await broker.subscribe('r')
    await broker.enter('r', { user: 'ann', nick: 'Ann' })
    await broker.enter('r', { user: 'ben', nick: 'Ben' })
    await redis.kill()
    await until(() => !broker.health().ok)
    await t.rejects(broker.leave('r', 'ben'), StoreUnavailable)
    await redis.restart()
    const left = () => heard.presenceOf('r').filter(({ change }) => change === 'left')
    await until(() => left().length > 0)
    t.match(left(), [{ user: 'ben', nick: 'Ben', count: 1 }])
  })

  t.test('a leave whose reply is lost is told once, one that never arrived is told', async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis)
    const near = await startNode(t, [redis.url])
    const far = await startNode(t, [proxyUrl(proxy)])
    const left = (room: string) =>
      near.heard
        .presenceOf(room)
        .filter(({ change }) => change === 'left')
        .map(({ user }) => user)
    for (const room of ['r', 'kept', 'gone']) {
      await near.broker.subscribe(room)
      for (const user of ['ann', 'ben']) await far.broker.enter(room, { user, nick: user })
    }
    proxy.cut('down')
    const leaves = [far.broker.leave('r', 'ben')]
    await until(() => left('r').length === 1)
    proxy.cut('both')
    leaves.push(far.broker.leave('kept', 'ben'), far.broker.leave('gone', 'ben'))
    await new Promise((resolve) => setImmediate(resolve))
    const lost = (await redis.send('KEYS', `${keys.room('gone').meta.split(':meta')[0]}:*`)) as []
    await redis.send('DEL', ...lost)
    proxy.reset()
    proxy.heal()
    for (const leave of leaves) await t.rejects(leave, StoreUnavailable)
    await until(() => left('gone').length > 0)
    for (const room of ['r', 'kept', 'gone']) {
      t.same(left(room), ['ben'], room)
      t.same((await near.broker.members(room, { limit: 10 })).members, [
        { user: 'ann', nick: 'ann' },
      ])
    }
  })

  t.test('an append that never arrived is sent again', async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis)
    const { broker } = await startNode(t, [proxyUrl(proxy)])
    await appendAll(broker, 1, 2)
    proxy.cut('up')
    const lost = range(3, 6).map((n) => broker.append('r', message(n)))
    await new Promise((resolve) => setImmediate(resolve))
    proxy.reset()
    proxy.heal()
    t.same(
      (await Promise.all(lost)).map(({ offset }) => offset),
      range(3, 6),
    )
    t.same(
      await ids(broker),
      range(1, 6).map((n) => `m${n}`),
    )
  })

  t.test(
    'what comes while a connection is made anew stays behind what was in flight',
    async (t) => {
      const redis = await startRedis(t)
      const proxy = await startProxy(t, redis)
      const { broker } = await startNode(t, [proxyUrl(proxy)])
      await appendAll(broker, 1, 2)
      proxy.cut('up')
      const first = range(3, 6).map((n) => broker.append('r', message(n)))
      await new Promise((resolve) => setImmediate(resolve))
      proxy.reset()
      proxy.heal()
      const later: number[] = []
      for (let n = 7; later.length < 20; n++) {
        broker.append('r', message(n)).then(
          ({ offset }) => later.push(offset),
          () => {
            // Refused while there is no connection.
          },
        )
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      t.same(
        (await Promise.all(first)).map(({ offset }) => offset),
        range(3, 6),
      )
      t.same(later.slice(0, 20), range(7, 26))
    },
  )

  for (const direction of ['down', 'both'] as const) {
    t.test(`a link that falls silent (${direction}) is noticed and read back`, async (t) => {
      const redis = await startRedis(t)
      const proxy = await startProxy(t, redis)
      const near = await startNode(t, [redis.url])
      const far = await startNode(t, [proxyUrl(proxy)])
      for (const { broker } of [near, far]) await broker.subscribe('r')
      proxy.cut(direction)
      await appendAll(near.broker, 1, 50)
      await until(() => !far.broker.health().ok)
      await t.rejects(far.broker.append('r', message(51)), StoreUnavailable)
      proxy.heal()
      await far.heard.until(() => far.heard.offsets('r').length === 50)
      await far.broker.append('r', message(51))
      t.same(far.heard.offsets('r'), range(1, 51))
      await near.heard.until(() => near.heard.offsets('r').length === 51)
      t.same(near.heard.messages('r'), far.heard.messages('r'))
    })
  }

  t.test('events that were missed while a link was broken are told in order', async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis)
    const near = await startNode(t, [redis.url])
    const far = await startNode(t, [proxyUrl(proxy)])
    await far.broker.subscribe('r')
    proxy.cut('both')
    proxy.reset()
    await near.broker.enter('r', { user: 'ann', nick: 'Ann' })
    await near.broker.enter('r', { user: 'bob', nick: 'Bob' })
    await near.broker.leave('r', 'ann')
    proxy.reset()
    proxy.heal()
    await far.heard.until(() => far.heard.presenceOf('r').length === 3)
    t.same(
      far.heard.presenceOf('r').map(({ change, user }) => `${user} ${change}`),
      ['ann joined', 'bob joined', 'ann left'],
    )
  })

  t.test('a Redis that refuses to store turns health red and back', async (t) => {
    const redis = await startRedis(t)
    const { broker } = await startNode(t, [redis.url])
    await redis.send('CONFIG', 'SET', 'min-replicas-to-write', '1')
    const refusal = await broker.append('r', message(1)).catch((error) => error)
    t.type(refusal, StoreUnavailable)
    t.match(broker.health(), { ok: false, reason: /NOREPLICAS/ })
    await redis.send('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await until(() => broker.health().ok)
    t.equal((await broker.append('r', message(1))).offset, 1)
  })

  t.test('forgotten scripts are loaded again', async (t) => {
    const redis = await startRedis(t)
    const { broker, heard } = await startNode(t, [redis.url])
    await broker.subscribe('r')
    await appendAll(broker, 1, 3)
    await redis.send('SCRIPT', 'FLUSH')
    await appendAll(broker, 4, 9)
    t.same(heard.offsets('r'), range(1, 9))
  })

  t.test('a log that is gone gives a new epoch', async (t) => {
    const redis = await startRedis(t)
    const { broker, heard } = await startNode(t, [redis.url])
    const { epoch } = await broker.subscribe('r')
    await appendAll(broker, 1, 5)
    await redis.send('FLUSHALL')
    const next = await broker.append('r', message(6))
    t.not(next.epoch, epoch)
    t.equal(next.offset, 1)
    t.same(told(heard).slice(5), [`reset ${next.epoch} 0`, `${next.epoch} 1`])
  })

  t.test('a quiet room notices within seconds that its log is gone', async (t) => {
    const redis = await startRedis(t)
    const { broker, heard } = await startNode(t, [redis.url])
    const { epoch } = await broker.subscribe('r')
    await appendAll(broker, 1, 5)
    await redis.send('FLUSHALL')
    await heard.until(() => heard.events('r').length === 6)
    t.match(heard.events('r').at(-1), { event: 'reset', position: { offset: 0 } })
    t.not((await broker.read('r', READ)).epoch, epoch)
  })

  t.test('a fail-over that lost messages is told, and nothing else is lost', async (t) => {
    const { primary, replica } = await startReplicated(t)
    const urls = [primary.url, replica.url]
    const { broker, heard } = await startNode(t, urls)
    const { epoch } = await broker.subscribe('r')
    await appendAll(broker, 1, 10)
    await until(async () => (await replica.send('XLEN', keys.room('r').log)) === 10)
    await replica.send('REPLICAOF', 'NO', 'ONE')
    await appendAll(broker, 11, 20)
    // A node that knows nothing of what will be lost writes more than that.
    const stranger = await startNode(t, [replica.url])
    await stranger.broker.subscribe('r')
    await appendAll(stranger.broker, 101, 115)
    await primary.kill()
    await heard.until(() => heard.messages('r').length === 35)
    const after = await broker.append('r', message(16))
    t.not(after.epoch, epoch, 'the room has a new epoch')
    t.same([after.offset, after.duplicate], [26, false], 'a lost message can be sent again')
    t.same(told(heard), [
      ...range(1, 20).map((n) => `${epoch} ${n}`),
      `reset ${after.epoch} 10`,
      ...range(11, 26).map((n) => `${after.epoch} ${n}`),
    ])
    const kept = await broker.append('r', message(3))
    t.same([kept.offset, kept.duplicate], [3, true], 'what was kept is still known')
    await stranger.heard.until(() => stranger.heard.events('r').length === 17)
    t.match(stranger.heard.events('r')[15], { event: 'reset', position: { offset: 25 } })
  })

  t.test('a room follows its slot to another server of a cluster', async (t) => {
    const servers = await startRedisCluster(3)
    t.teardown(() => Promise.all(servers.map((server) => server.stop())))
    const urls = servers.map(({ url }) => url)
    const near = await startNode(t, urls.slice(0, 1))
    const far = await startNode(t, urls)
    for (const { broker } of [near, far]) await broker.subscribe('r')
    await appendAll(near.broker, 1, 20)
    const sending = appendAll(near.broker, 21, 200)
    await moveSlot(servers, keys.room('r').slot)
    await sending
    await appendAll(far.broker, 201, 220)
    for (const { heard } of [near, far]) {
      await heard.until(() => heard.offsets('r').length === 220)
      t.same(heard.offsets('r'), range(1, 220))
    }
  })
})

const keys = new Keys('parley')

async function startProxy(t: Test, redis: RedisServer): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(redis.port)
  t.teardown(() => proxy.close())
  return proxy
}

function proxyUrl({ port }: TcpProxy): string {
  return `redis://127.0.0.1:${port}`
}

/** Moves a slot with its keys while it is in use. */
async function moveSlot(servers: readonly RedisServer[], slot: number): Promise<void> {
  const nodes = await Promise.all(
    servers.map(async (server) => ({ server, id: String(await server.send('CLUSTER', 'MYID')) })),
  )
  const counts = await Promise.all(
    servers.map((server) => server.send('CLUSTER', 'COUNTKEYSINSLOT', String(slot))),
  )
  const source = nodes[counts.findIndex((count) => Number(count) > 0)]
  const target = nodes[counts.findIndex((count) => Number(count) === 0)]
  if (!source || !target) throw new Error('no server to move to')
  const setSlot = ['CLUSTER', 'SETSLOT', String(slot)]
  await target.server.send(...setSlot, 'IMPORTING', source.id)
  await source.server.send(...setSlot, 'MIGRATING', target.id)
  for (;;) {
    const found = (await source.server.send('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as []
    if (found.length === 0) break
    const address = ['127.0.0.1', String(target.server.port)]
    await source.server.send('MIGRATE', ...address, '', '0', '5000', 'KEYS', ...found)
  }
  for (const { server } of [target, source, ...nodes]) {
    await server.send(...setSlot, 'NODE', target.id)
  }
}

function told(heard: Recorder): string[] {
  return heard.events('r').map((event) => {
    if (event.event === 'message') return `${event.epoch} ${event.message.offset}`
    if (event.event !== 'reset') return event.event
    return `reset ${event.position.epoch} ${event.position.offset}`
  })
}
