import { setTimeout as sleep } from 'node:timers/promises'
import { readLogs } from '../chaos/final-logs.js'
import { SECRET } from '../chaos/token.js'
import { JWT_SECRET } from './jwt.js'
import { startNginx } from './nginx.js'
import { RedisServer } from './redis.js'
import type { Acknowledged, GroupReport } from './rolling-clients.js'
import { type ServerProcess, startServer, type Teardown } from './server.js'

/** Clients, wherever they run. */
export interface Clients {
  start(): Promise<void>
  settle(): Promise<void>
  report(ends: Readonly<Record<string, number>>): Promise<GroupReport[]>
}

export interface RollingOptions {
  readonly nodes: number
  readonly rooms: number
  readonly drainSeconds: number
  /** Milliseconds of traffic before the first restart, between two and after the last. */
  readonly between: number
  /** The clients of a service at this address. */
  readonly clients: (url: string) => Clients
}

export interface RollingReport {
  readonly acknowledged: number
  /** Acknowledged, but not in the log under its offset. */
  readonly lost: number
  /** In the log more than once. */
  readonly doubled: number
  readonly received: number
  /** Deliveries that were missing, doubled or out of order. */
  readonly misplaced: number
  readonly failed: readonly string[]
  readonly returns: readonly number[]
  /** Most clients that came back within one second. */
  readonly peak: number
  /** How long clients were away, milliseconds, shortest first. */
  readonly away: readonly number[]
  /** How long each node took from SIGTERM to its end, milliseconds. */
  readonly stops: readonly number[]
}

/**
 * Restarts every node in turn, behind nginx and over Redis, while clients chat on, and compares
 * what they were promised with what is stored.
 */
export async function rollingRestart(t: Teardown, options: RollingOptions): Promise<RollingReport> {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const settings = {
    // The second key is that of who reads the logs.
    JWT_SECRET: `${JWT_SECRET},${SECRET}`,
    REDIS_URL: redis.url,
    TRUST_PROXY: '127.0.0.1',
    DRAIN_SECONDS: String(options.drainSeconds),
    RATE_LIMIT_REQUESTS: '0',
  }
  const nodes: ServerProcess[] = []
  for (let n = 0; n < options.nodes; n++) nodes.push(await startServer(t, settings))
  const url = `http://127.0.0.1:${await startNginx(t, nodes)}`
  const clients = options.clients(url)
  await clients.start()
  await sleep(options.between)
  const stops: number[] = []
  for (const node of nodes) {
    const start = performance.now()
    const code = await node.stop()
    if (code !== 0) throw new Error(`a node ended with ${code}: ${node.log.join('\n')}`)
    stops.push(performance.now() - start)
    await node.restart()
    await sleep(options.between)
  }
  await clients.settle()
  const rooms = Array.from({ length: options.rooms }, (_, n) => `rolling-${n}`)
  const logs = await readLogs(url, rooms)
  const reports = await clients.report(
    Object.fromEntries(logs.map(({ room, offset }) => [room, offset])),
  )
  const acknowledged = reports.flatMap((report) => report.acknowledged)
  const returns = reports.flatMap((report) => report.returns).sort((a, b) => a - b)
  const sum = (of: (report: GroupReport) => number) => reports.reduce((n, r) => n + of(r), 0)
  return {
    acknowledged: acknowledged.length,
    ...compare(acknowledged, logs),
    received: sum(({ received }) => received),
    misplaced: sum(({ misplaced }) => misplaced),
    failed: reports.flatMap(({ failed }) => failed),
    returns,
    peak: mostWithin(returns, 1000),
    away: reports.flatMap(({ away }) => away).sort((a, b) => a - b),
    stops,
  }
}

function compare(
  acknowledged: readonly Acknowledged[],
  logs: Awaited<ReturnType<typeof readLogs>>,
): { lost: number; doubled: number } {
  const stored = new Map<string, number>()
  const ids = new Set<string>()
  let doubled = 0
  for (const { room, epoch, messages } of logs) {
    for (const { offset, id, user } of messages) {
      if (ids.has(`${room} ${user} ${id}`)) doubled++
      ids.add(`${room} ${user} ${id}`)
      stored.set(`${room} ${epoch} ${id}`, offset)
    }
  }
  const isLost = ({ room, epoch, offset, id }: Acknowledged) =>
    stored.get(`${room} ${epoch} ${id}`) !== offset
  return { lost: acknowledged.filter(isLost).length, doubled }
}

/** The most of these times, in ascending order, that lie within one stretch. */
function mostWithin(times: readonly number[], stretch: number): number {
  let most = 0
  let from = 0
  for (const [to, time] of times.entries()) {
    while (time - (times[from] as number) >= stretch) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}
