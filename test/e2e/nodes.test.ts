import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { check } from '../chaos/checker.js'
import { explain } from '../chaos/explain.js'
import type { HistoryEvent } from '../chaos/history.js'
import { JWT_SECRET } from '../helpers/jwt.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { TcpProxy } from '../helpers/tcp-proxy.js'
import { RecordedClient } from './recorded-client.js'
import { isAtEnd, readLogs, settled, until } from './recorded-run.js'

/** `FULL_FAULTS=1` makes it the long run of docs/operations.md. */
const FULL = process.env.FULL_FAULTS === '1'
const CLIENTS = FULL ? 30 : 12
/** At least; sending does not end before the last fault. */
const SENDS = FULL ? 10_000 : 1200
const STOP_TIME = FULL ? 20_000 : 4000
const CUT_TIME = FULL ? 8000 : 4500
/** Between two sends of one client, milliseconds. */
const PACE = 150

/** How long members of a node that was killed may still be seen, milliseconds. */
const PRESENCE_BOUND = 15_000

t.setTimeout(300_000)
t.test('three nodes over Redis keep the promise', { skip: noRedis }, async (t) => {
  const { redis, replica, nodes, proxies } = await startCluster(t)
  const history: HistoryEvent[] = []
  const fault = (text: string) => history.push({ at: performance.now(), type: 'fault', text })
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const url = nodes[i % 3]?.url as string
    const user = `user${i % Math.floor((CLIENTS * 2) / 3)}`
    return new RecordedClient(`c${i}`, user, url, `room${Math.floor(i / 3) % 3}`, history)
  })
  t.teardown(() => {
    for (const client of clients) client.close()
  })
  await Promise.all(clients.map((client) => client.join()))
  const faulty = new AbortController()
  const sending = clients.map((client) => sendAll(client, SENDS / CLIENTS, faulty.signal))

  const faults: [string, () => Promise<unknown>][] = [
    ['a node is killed', () => killNode(nodes[0])],
    ['a node is stopped', () => stopNode(nodes[1])],
    ['Redis is killed', () => killRedis(redis)],
    ['a link to Redis is cut one way', () => cut(proxies[2], 'down')],
    ['a link to Redis is cut the other way', () => cut(proxies[1], 'up')],
    ['a link to Redis is cut', () => cut(proxies[0], 'both')],
    ['Redis fails over to its replica', () => failOver(redis, replica)],
  ]
  for (const [text, inject] of faults) {
    await sleep(1000)
    fault(text)
    await inject()
  }
  faulty.abort()
  await Promise.all(sending)
  await until(() => clients.every(({ pending }) => pending === 0))

  fault('a node is killed for good, with its clients')
  await nodes[0]?.kill()
  const rest = clients.filter((client, i) => i % 3 !== 0 || client.close())
  const killed = performance.now()
  history.push({ at: killed, type: 'quiet' })
  for (const client of rest) client.watchPresence()
  await until(() => settled(rest) || performance.now() - killed > 2 * PRESENCE_BOUND)
  const presence = Math.round(performance.now() - killed)
  t.ok(presence < PRESENCE_BOUND, `who was on a killed node has left after ${presence} ms`)

  const logs = await readLogs(nodes[1]?.url as string, ['room0', 'room1', 'room2'])
  await until(() => rest.every(({ room }) => isAtEnd(room, logs)))
  const violations = check(history, logs, { presenceBound: PRESENCE_BOUND })
  for (const violation of violations.slice(0, 5)) t.comment(explain(violation, history).join('\n'))
  t.same(
    violations.map(({ rule, text }) => `${rule}: ${text}`),
    [],
  )
  const count = (type: string) => history.filter((event) => event.type === type).length
  const stored = logs.reduce((sum, { offset }) => sum + offset, 0)
  t.equal(count('ok'), count('send'), 'everything was acknowledged')
  t.equal(stored, count('send'), 'and stored once')
  t.comment(`${stored} sent, ${count('message')} delivered, ${count('note')} changes of state`)
})

async function startCluster(t: Test) {
  const redis = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => redis.stop())
  const replica = await RedisServer.start(['--replicaof', `127.0.0.1 ${redis.port}`])
  t.teardown(() => replica.stop())
  const proxies = await Promise.all(
    [0, 1, 2].map(() => Promise.all([redis, replica].map(({ port }) => TcpProxy.start(port)))),
  )
  for (const proxy of proxies.flat()) t.teardown(() => proxy.close())
  const nodes = await Promise.all(
    proxies.map((pair) =>
      startServer(t, {
        REDIS_URL: pair.map(({ port }) => `redis://127.0.0.1:${port}`).join(),
        JWT_SECRET,
        HEARTBEAT_SECONDS: '2',
        RATE_LIMIT_REQUESTS: '0',
        LOG_LEVEL: 'info',
      }),
    ),
  )
  return { redis, replica, nodes, proxies }
}

/** Sends until the faults are over, and no fewer than `least`. */
async function sendAll(client: RecordedClient, least: number, over: AbortSignal): Promise<void> {
  for (let i = 0; i < least || !over.aborted; i++) {
    client.send()
    await sleep(PACE)
    await until(() => client.pending < 20)
  }
}

async function killNode(node: ServerProcess | undefined): Promise<void> {
  await node?.kill()
  await sleep(500)
  await node?.restart()
}

async function stopNode(node: ServerProcess | undefined): Promise<void> {
  process.kill(node?.pid as number, 'SIGSTOP')
  await sleep(STOP_TIME)
  process.kill(node?.pid as number, 'SIGCONT')
}

async function killRedis(redis: RedisServer): Promise<void> {
  await redis.kill()
  await sleep(1000)
  await redis.restart()
}

async function cut(proxies: TcpProxy[] | undefined, direction: 'up' | 'down' | 'both') {
  for (const proxy of proxies ?? []) proxy.cut(direction)
  await sleep(CUT_TIME)
  for (const proxy of proxies ?? []) proxy.heal()
}

/** The primary waits until the replica has everything, and becomes its replica. */
async function failOver(redis: RedisServer, replica: RedisServer): Promise<void> {
  const isLinked = async () => /master_link_status:up/.test(String(await replica.send('INFO')))
  await until(isLinked)
  await redis.send('FAILOVER', 'TO', '127.0.0.1', String(replica.port))
  await until(async () => /role:master/.test(String(await replica.send('INFO'))))
}
