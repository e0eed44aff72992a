import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { RedisServer } from '../test/helpers/redis.js'
import { Load } from './nodes-load.js'
import { installPeers } from './suite/install.js'
import { describeMachine } from './suite/machine.js'
import { peers } from './suite/peers.js'
import { type RunningServer, startServer } from './suite/server.js'

/**
 * What several nodes over one Redis, and several workers over one log, take in and deliver, and what
 * that costs each process: `npm run bench:nodes`. Clients are spread evenly over the nodes; every
 * member checks that it gets every message of its room once and in order.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    rooms: { type: 'string', default: '8' },
    members: { type: 'string', default: '16' },
    'in-flight': { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
  },
})

interface Setup {
  readonly title: string
  readonly peer: 'parley' | 'socketio' | 'socketio-redis'
  readonly nodes: number
  readonly redis: boolean
  readonly env?: Readonly<Record<string, string>>
}

const setups: readonly Setup[] = [
  { title: 'Parley, one process', peer: 'parley', nodes: 1, redis: false },
  { title: 'Parley, WORKERS=2', peer: 'parley', nodes: 1, redis: false, env: { WORKERS: '2' } },
  { title: 'Parley, 1 node over Redis', peer: 'parley', nodes: 1, redis: true },
  { title: 'Parley, 2 nodes over Redis', peer: 'parley', nodes: 2, redis: true },
  { title: 'Parley, 4 nodes over Redis', peer: 'parley', nodes: 4, redis: true },
  { title: 'Socket.IO, one process', peer: 'socketio', nodes: 1, redis: false },
  { title: 'Socket.IO, 1 node over Redis', peer: 'socketio-redis', nodes: 1, redis: true },
  { title: 'Socket.IO, 2 nodes over Redis', peer: 'socketio-redis', nodes: 2, redis: true },
  { title: 'Socket.IO, 4 nodes over Redis', peer: 'socketio-redis', nodes: 4, redis: true },
]

const chosen = setups.filter(({ title }) => title.includes(values.only))
installPeers(chosen.map(({ peer }) => peer))
console.log(`${describeMachine(process.execPath, 'JavaScript')}\n`)
console.log(
  '| | messages in/s | deliveries/s | CPU of the nodes, µs a message | of Redis | a delivery | faults |\n' +
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
)
for (let round = 0; round < Number(values.rounds); round++) {
  for (const setup of chosen) console.log(await measure(setup))
}
process.exit()

/** One row of the table. */
async function measure({ title, peer: name, nodes: count, redis: withRedis, env }: Setup) {
  const redis = withRedis ? await RedisServer.start() : undefined
  const peer = peers.find((candidate) => candidate.name === name)
  if (peer === undefined) throw new Error(`unknown peer: ${name}`)
  const settings = { ...env, ...(redis && { REDIS_URL: redis.url }) }
  const nodes: RunningServer[] = []
  try {
    for (let i = 0; i < count; i++) {
      nodes.push(
        await startServer(peer, { node: process.execPath, env: settings, core: undefined }),
      )
    }
    const load = new Load({
      ports: nodes.map(({ port }) => port),
      endpoint: peer.dialect.chat,
      rooms: Number(values.rooms),
      members: Number(values.members),
      inFlight: Number(values['in-flight']),
    })
    await load.start()
    await sleep(1500)
    const cpu = () => ({
      nodes: nodes.flatMap((node) => node.pids()).reduce((sum, pid) => sum + cpuOf(pid), 0),
      redis: redis ? cpuOf(redis.pid) : 0,
    })
    const before = { ...load.counts, ...cpu(), at: performance.now() }
    await sleep(Number(values.seconds) * 1000)
    const after = { ...load.counts, ...cpu(), at: performance.now() }
    load.stop()
    const seconds = (after.at - before.at) / 1000
    const messages = after.sent - before.sent
    const deliveries = after.delivered - before.delivered
    const own = after.nodes - before.nodes
    const cells = [
      messages / seconds,
      deliveries / seconds,
      own / messages,
      withRedis ? (after.redis - before.redis) / messages : '–',
      own / deliveries,
      load.counts.faults,
    ]
    return `| ${title} | ${cells.map(cell).join(' | ')} |`
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
    await redis?.stop()
  }
}

function cell(value: number | string): string {
  if (typeof value === 'string') return value
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1).replace('.0', '')
}

/** Processor time of a process so far, microseconds. */
function cpuOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return 0
  }
}
