import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { WebSocket } from 'ws'
import { EventStreamSocket } from '../../client/sse.js'
import { check } from '../chaos/checker.js'
import { explain } from '../chaos/explain.js'
import type { HistoryEvent } from '../chaos/history.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { RecordedClient } from './recorded-client.js'
import { isAtEnd, readLogs, settled, until } from './recorded-run.js'

const ROOMS = ['room0', 'room1']
const SETTINGS = { WORKERS: '2', JWT_SECRET, RATE_LIMIT_REQUESTS: '0', DRAIN_SECONDS: '1' }
const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))

t.setTimeout(400_000)
const noProc = existsSync('/proc/self/task') ? false : 'there is no /proc here'

const kinds = {
  'one log of their own': { kills: [0, 1, 0], skip: noProc, env: async () => ({}) },
  Redis: {
    kills: [1],
    skip: noProc || noRedis,
    env: async () => {
      const redis = await RedisServer.start()
      t.teardown(() => redis.stop())
      return { REDIS_URL: redis.url }
    },
  },
}

for (const [kind, { kills, skip, env }] of Object.entries(kinds)) {
  t.test(`two workers over ${kind} keep the promise when they are killed`, { skip }, async (t) => {
    const server = await startServer(t, { ...SETTINGS, ...(await env()) })
    t.teardown(() => killGroup(server))
    const history: HistoryEvent[] = []
    const clients = Array.from({ length: 8 }, (_, i) => {
      // Some without a WebSocket: what they post may reach the other worker.
      const socket = i % 4 < 2 ? WebSocket : EventStreamSocket
      return new RecordedClient(
        `c${i}`,
        `user${i % 5}`,
        server.url,
        `room${i % 2}`,
        history,
        socket,
      )
    })
    t.teardown(() => {
      for (const client of clients) client.close()
    })
    await Promise.all(clients.map((client) => client.join()))
    t.ok((await workersOf(server)).length === 2, 'there are two workers')

    const over = new AbortController()
    const sending = clients.map(async (client) => {
      for (let i = 0; i < 40 || !over.signal.aborted; i++) {
        client.send()
        await sleep(30)
        await until(() => client.pending < 20)
      }
    })
    for (const victim of kills) {
      const before = await workersOf(server)
      const pid = before[victim] as number
      history.push({ at: performance.now(), type: 'fault', text: `worker ${pid} is killed` })
      process.kill(pid, 'SIGKILL')
      await until(async () => {
        const now = await workersOf(server)
        return now.length === 2 && !now.includes(pid)
      })
      await sleep(300)
    }
    over.abort()
    await Promise.all(sending)
    await until(() => clients.every(({ pending }) => pending === 0))
    history.push({ at: performance.now(), type: 'quiet' })
    for (const client of clients) client.watchPresence()
    await until(() => settled(clients))
    const logs = await readLogs(server.url, ROOMS)
    await until(() => clients.every(({ room }) => isAtEnd(room, logs)))
    const violations = check(history, logs, { presenceBound: 30_000 })
    for (const violation of violations.slice(0, 5))
      t.comment(explain(violation, history).join('\n'))
    t.same(violations, [])
    const count = (type: string) => history.filter((event) => event.type === type).length
    t.equal(count('ok'), count('send'), 'everything was acknowledged')

    t.test('a scrape shows every process, told apart by a label', async (t) => {
      let text = ''
      let chat: string[] = []
      await until(async () => {
        text = await (await fetch(`${server.url}/metrics`)).text()
        const samples = text.split('\n').filter((line) => line.startsWith('parley_connections{'))
        chat = samples.filter((line) => line.includes('endpoint="chat"')).sort()
        // The one that was killed last may still be on its way back.
        return chat.length === 2
      })
      t.match(chat[0], 'parley_connections{endpoint="chat",worker="1"}')
      t.match(chat[1], 'parley_connections{endpoint="chat",worker="2"}')
      t.equal(
        chat.map((line) => Number(line.split(' ')[1])).reduce((a, b) => a + b),
        8,
      )
      t.match(text, /^process_cpu_user_seconds_total\{worker="log"\} /m)
      t.equal(text.match(/^# TYPE parley_connections gauge$/gm)?.length, 1)
    })

    t.test('a drain asked of one worker drains all; nothing is lost', async (t) => {
      for (const client of clients) client.send()
      await until(() => clients.every(({ pending }) => pending === 0))
      const workers = await workersOf(server)
      const authorization = `Bearer ${signToken({ sub: 'root', scope: 'admin' }, 60)}`
      await fetch(`${server.url}/drain`, { method: 'POST', headers: { authorization } })
      t.equal(await server.exited(), 0)
      t.same(workers.filter(isRunning), [])
      const closes = history.flatMap((e) => (e.type === 'note' ? [e.text] : [])).slice(-8)
      t.ok(
        closes.some((text) => /1012|connecting/.test(text)),
        'clients were told',
      )
    })
  })
}

t.test('the workers end with the process that started them', { skip: noProc }, async (t) => {
  const server = await startServer(t, SETTINGS)
  const workers = await workersOf(server)
  await server.kill()
  await until(() => !workers.some(isRunning))
  t.pass()
})

t.test('a worker that is killed in its first start is replaced', { skip: noProc }, async (t) => {
  const server = await startServer(t, SETTINGS)
  await server.kill()
  const back = server.restart()
  await until(async () => (await workersOf(server)).length > 0)
  const [first] = await workersOf(server)
  process.kill(first as number, 'SIGKILL')
  await back
  t.match(server.log.join('\n'), /a worker ended in its start/)
  t.equal((await fetch(`${server.url}/health/ready`)).status, 200)
  await killGroup(server)
})

t.test(
  'a worker that cannot live ends the service, with the reason',
  { skip: noProc },
  async (t) => {
    const server = await startServer(t, SETTINGS)
    const exited = server.exited()
    let running = true
    void exited.then(() => {
      running = false
    })
    while (running) {
      const last = (await workersOf(server)).at(-1)
      if (last !== undefined && isRunning(last)) process.kill(last, 'SIGKILL')
      await sleep(50)
    }
    t.equal(await exited, 1)
    t.match(server.log.join('\n'), /worker \d keeps ending soon after its start.*SIGKILL/)
  },
)

t.test('a service that cannot start says why, once', async (t) => {
  const start = (args: string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [CLI, 'serve', ...args], {
      env: { PATH: process.env.PATH, DATA_DIR: t.testdir(), PORT: '0', ...env },
      encoding: 'utf8',
    })
  const wrong = start(['--workers', 'many'])
  t.equal(wrong.status, 1)
  t.match(wrong.stderr, /^parley: WORKERS must be auto or a number from 1 to 999, but is "many"/)
  t.match(start(['--wrokers', '2']).stderr, /Unknown option '--wrokers'/)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const taken = start(['--workers', '2'], { PORT: String(port) })
  other.close()
  t.equal(taken.status, 1)
  t.match(taken.stderr, /EADDRINUSE/)
})

/** The processes that a server has started, oldest first. */
async function workersOf({ pid }: ServerProcess): Promise<number[]> {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.trim().split(' ').filter(Boolean).map(Number).filter(isRunning)
  } catch {
    return []
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function killGroup(server: ServerProcess): Promise<void> {
  for (const pid of await workersOf(server)) process.kill(pid, 'SIGKILL')
}
