import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { noteOutput } from '../helpers/evidence.js'
import { freePort } from '../helpers/ports.js'
import { CHROMIUM, type ClientKind, type ClientState } from './chaos-client.js'
import { check } from './checker.js'
import { DataDir } from './data-dir.js'
import { explain } from './explain.js'
import { type End, readEnds, readLogs } from './final-logs.js'
import { Harness } from './harness.js'
import { mergeHistories } from './history.js'
import { countEvents, type Outcome } from './outcome.js'
import { TcpProxy } from './proxy.js'
import { Random } from './random.js'
import { monotonic, Recorder, readHistory } from './recorder.js'
import { RedisStore } from './redis-store.js'
import { type BrokerKind, createSchedule } from './schedule.js'
import { ServerProcess } from './server-process.js'
import { Workers } from './workers.js'

export interface RunOptions {
  readonly seed: number
  /** How long faults are injected. */
  readonly seconds: number
  /** Whether two of the clients run in Chromium. */
  readonly browser: boolean
  /** Default: embedded. */
  readonly broker?: BrokerKind
  /** The compiled server. */
  readonly serverScript?: string
}

/** Nodes over Redis. */
const NODES = 2
const ROOMS = ['r1', 'r2', 'r3']
const USERS = 8
const KINDS: readonly ClientKind[] = ['raw', 'library', 'pipelining', 'stream', 'raw', 'rest']

/**
 * How often clients are asked, once all is quiet, without anything having changed for any of them,
 * and how often in all, before they count as never getting there. Every clients' process and the
 * server answer each time: on a machine that is busy with other things rounds take longer, as all
 * else does. A round takes 200 ms at least; dead links are noticed within two heartbeats of 1 s.
 */
const ROUNDS_WITHOUT_CHANGE = 100
const MOST_ROUNDS = 600

/** One run: starts everything, disturbs it as the seed says, lets it settle, and judges. */
export async function run(options: RunOptions): Promise<Outcome> {
  const { seed, seconds, browser, serverScript, broker = 'embedded' } = options
  const folder = join(tmpdir(), 'parley-chaos', `seed-${seed}-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  const random = new Random(seed)
  const harnessFile = join(folder, 'harness.jsonl')
  const recorder = new Recorder(harnessFile)
  const data = new DataDir(folder)
  const proxy = await TcpProxy.listen()
  const script = serverScript ?? new URL('../../src/server.js', import.meta.url).pathname
  const redis = broker === 'redis' ? new RedisStore() : undefined
  const servers = await Promise.all(
    Array.from({ length: redis ? NODES : 1 }, async (_, i) => {
      const env: Record<string, string> = redis
        ? { REDIS_URL: await redis.url() }
        : broker === 'workers'
          ? { WORKERS: '2', PORT: String(await freePort()) }
          : {}
      const logFile = join(folder, i === 0 ? 'server.log' : `server-${i + 1}.log`)
      return new ServerProcess({ script, dataDir: data.path, logFile, env })
    }),
  )
  const workers = new Workers(folder, recorder)
  const tokenSeconds = random.pick([6, 15, 3600])
  let generation = 0
  const startWorker = async (kinds: readonly ClientKind[]) => {
    const name = `g${generation++}`
    await workers.start({
      url: `http://127.0.0.1:${proxy.port}`,
      seed: random.between(0, 2 ** 31),
      rooms: ROOMS,
      tokenSeconds,
      clients: kinds.map((kind, i) => ({
        name: `${name}-${kind}-${i}`,
        user: `user${random.between(1, USERS)}`,
        kind,
      })),
    })
  }
  const schedule = createSchedule(seed, seconds, broker)
  const replaceWorker = () => startWorker(KINDS)
  const parts = { servers, redis, proxy, data, workers, recorder, rooms: ROOMS, replaceWorker }
  const harness = new Harness(parts, schedule)
  const onTerminate = () => {
    void cleanUp().finally(() => process.exit(143))
  }
  let cleaned = false
  const cleanUp = async () => {
    if (cleaned) return
    cleaned = true
    process.off('SIGTERM', onTerminate)
    await Promise.all([workers.end(), ...servers.map((server) => server.end())])
    await redis?.end()
    proxy.close()
    data.remove()
  }
  process.once('SIGTERM', onTerminate)
  try {
    await harness.start()
    await startWorker(KINDS)
    await startWorker(KINDS.slice(0, 4))
    if (browser && existsSync(CHROMIUM)) await startWorker(['browser', 'browser'])
    const start = monotonic()
    for (const fault of schedule) {
      await sleep(Math.max(0, start + fault.at - monotonic()))
      harness.inject(fault)
    }
    await sleep(Math.max(0, start + seconds * 1000 - monotonic()))
    await harness.mend()
    recorder.record({ type: 'quiet' })
    workers.quiet()
    const url = `http://127.0.0.1:${servers[0]?.port}`
    const settled = await settle(url, workers)
    recorder.record({ type: 'end' })
    await workers.end()
    const logs = await readLogs(url, ROOMS)
    for (const server of servers) server.measure()
    await Promise.all(servers.map((server) => server.terminate()))
    noteOutput(readFileSync(join(folder, 'server.log'), 'utf8'))
    recorder.close()
    const history = mergeHistories(...workers.histories(), readHistory(harnessFile))
    writeFileSync(join(folder, 'logs.json'), JSON.stringify(logs))
    // Until the clients are ended; how long that is, `settle` decides.
    const violations = check(history, logs, { presenceBound: Number.POSITIVE_INFINITY })
    return {
      broker,
      seed,
      folder,
      seconds,
      settled,
      faults: Object.fromEntries(harness.injected),
      skipped: Object.fromEntries(harness.skipped),
      counts: countEvents(history),
      logged: logs.reduce((sum, { messages }) => sum + messages.length, 0),
      peakMemory: Math.max(...servers.map(({ peakMemory }) => peakMemory)),
      violations: [
        ...servers.flatMap(({ crashes }) => crashes).map((text) => [`crash: ${text}`]),
        ...crashesOfWorkers(join(folder, 'server.log')).map((text) => [`crash: ${text}`]),
        ...violations.map((violation) => explain(violation, history)),
      ],
    }
  } finally {
    await cleanUp()
  }
}

/** Workers that ended in another way than the harness, or their supervisor, ends them. */
function crashesOfWorkers(logFile: string): string[] {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  return lines.filter((line) => line.includes('"how":') && !line.includes('"how":"SIGKILL"'))
}

/** Waits until everyone has everything and knows everyone. Returns the milliseconds it took. */
async function settle(url: string, workers: Workers): Promise<number> {
  const start = monotonic()
  let before = ''
  let unchanged = 0
  for (let round = 0; ; round++) {
    const [states, ends] = await Promise.all([workers.states(), readEnds(url, ROOMS)])
    const took = monotonic() - start
    if (isSettled(states, ends) && took > 500) return took
    const seen = JSON.stringify(states)
    unchanged = seen === before ? unchanged + 1 : 0
    if (unchanged === ROUNDS_WITHOUT_CHANGE || round === MOST_ROUNDS) return took
    before = seen
    await sleep(200)
  }
}

function isSettled(states: readonly ClientState[], ends: readonly End[]): boolean {
  return (
    ends.every(({ room, epoch, offset }) => {
      const members = states.filter(({ rooms }) => rooms[room])
      const users = [...new Set(members.map(({ user }) => user))].sort().join()
      return members.every(({ rooms }) => {
        const view = rooms[room]
        return view?.epoch === epoch && view.offset === offset && view.users.join() === users
      })
    }) && states.every(({ pending }) => pending === 0)
  )
}
