import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../../../src/broker/broker.js'
import { Keys } from '../../../../src/broker/redis/keys.js'
import { noRedis, RedisServer, startRedisCluster } from '../../../helpers/redis.js'
import { appendAll, ids, message, range, startNode, startReplicated, until } from './setup.js'

t.setTimeout(120_000)
t.test('the Redis broker that waits for replicas', { skip: noRedis }, async (t) => {
  t.test('acknowledges what a replica has, and only that', async (t) => {
    const { primary, replica } = await startReplicated(t)
    const { broker, heard } = await startNode(t, [primary.url], 1)
    await broker.subscribe('r')
    const many = await Promise.all(range(1, 50).map((n) => broker.append('r', message(n))))
    t.same(
      many.map(({ offset }) => offset),
      range(1, 50),
    )
    replica.signal('SIGSTOP')
    const refusals = await Promise.all(
      range(51, 60).map((n) => broker.append('r', message(n)).catch((error) => error)),
    )
    t.ok(refusals.every((error) => error instanceof StoreUnavailable))
    t.match(refusals[0]?.message, /0 of 1 replicas have the message/)
    const repeat = await broker.append('r', message(51)).catch((error) => error)
    t.type(repeat, StoreUnavailable, 'a repeat is not acknowledged either')
    replica.signal('SIGCONT')
    await appendAll(broker, 51, 61)
    t.same(heard.offsets('r'), range(1, 61), 'each is there once')
    t.same(
      await ids(broker),
      range(1, 61).map((n) => `m${n}`),
    )
  })

  t.test('loses nothing when the primary dies right after', async (t) => {
    const { primary, replica } = await startReplicated(t)
    const { broker, heard } = await startNode(t, [primary.url, replica.url], 1)
    await broker.subscribe('r')
    const acknowledged: number[] = []
    const sending = range(1, 400).map((n) =>
      broker.append('r', message(n)).then(
        ({ offset }) => acknowledged.push(offset),
        () => {
          // Not acknowledged: nothing is promised.
        },
      ),
    )
    await until(() => acknowledged.length > 0)
    await primary.kill()
    await replica.send('REPLICAOF', 'NO', 'ONE')
    await replica.send('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await Promise.all(sending)
    const other = await startNode(t, [replica.url])
    const stored = (await ids(other.broker)).length
    t.ok(
      stored >= Math.max(...acknowledged),
      `${acknowledged.length} acknowledged, ${stored} there`,
    )
    await until(() => broker.health().ok)
    t.ok(
      heard.events('r').every(({ event }) => event === 'message'),
      'no epoch was given up',
    )
  })
})

t.test('a Redis Cluster that fails over by itself', { skip: noRedis }, async (t) => {
  const { servers, victim } = await startClusterWithReplica(t)
  const urls = servers.map(({ url }) => url)
  const near = await startNode(t, urls, 0)
  const far = await startNode(t, urls, 0)
  for (const { broker } of [near, far]) await broker.subscribe('r')
  await near.broker.enter('r', { user: 'ann', nick: 'Ann' })
  await appendAll(near.broker, 1, 50)
  // What the replica has is what a planned stop leaves; a sudden one may lose the last moment.
  await victim.send('WAIT', '1', '5000')
  await victim.kill()
  await appendAll(near.broker, 51, 80)
  await appendAll(far.broker, 81, 100)
  for (const { heard } of [near, far]) {
    await heard.until(() => heard.offsets('r').at(-1) === 100)
    t.same(heard.offsets('r'), range(1, 100))
  }
  t.equal((await far.broker.members('r', { limit: 10 })).count, 1)
})

/** Three masters, and a replica of the one that has room r. */
async function startClusterWithReplica(t: Test) {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const servers = await startRedisCluster(3)
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  const slot = new Keys('parley').room('r').slot
  const victim = servers[Math.floor(slot / Math.ceil(16_384 / 3))] as RedisServer
  const replica = await RedisServer.start([...settings, '--cluster-replica-validity-factor', '0'])
  t.teardown(() => replica.stop())
  await replica.send('CLUSTER', 'MEET', '127.0.0.1', String(victim.port))
  const id = String(await victim.send('CLUSTER', 'MYID'))
  await until(async () => String(await replica.send('CLUSTER', 'NODES')).includes(id))
  await until(async () => (await replica.send('CLUSTER', 'REPLICATE', id).catch(() => '')) === 'OK')
  await until(async () => /master_link_status:up/.test(String(await replica.send('INFO'))))
  for (const server of servers) {
    await until(async () => String(await server.send('CLUSTER', 'NODES')).includes('slave'))
  }
  return { servers: [...servers, replica], victim }
}
