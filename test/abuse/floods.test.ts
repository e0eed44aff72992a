import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type Compared, compare, Witness } from '../helpers/latency.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

t.setTimeout(240_000)

const HALF_OPEN = 5000
const MIB = 1024 * 1024

/**
 * How many times as long 99 of 100 messages of others may take as on a server in peace. What is
 * left beside the server's own work: it is the one that has work, and the clients that misbehave
 * want the same processors.
 */
const WORST_RATIO = 10

const start = (t: Test, env: Record<string, string> = {}) =>
  startServer(t, { JWT_SECRET, RATE_LIMIT_MESSAGES: '0', ...env })

/** Resident memory of the server, bytes; NaN where /proc does not tell. */
function memoryOf({ pid }: ServerProcess): number {
  try {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib) * 1024
  } catch {
    return Number.NaN
  }
}

const isUnharmed = ({ there, elsewhere }: Compared) => there.p99 < elsewhere.p99 * WORST_RATIO

function expectUnharmed(t: Test, compared: Compared): void {
  t.comment(compare(compared))
  const { there, elsewhere } = compared
  t.ok(isUnharmed(compared), `p99 × ${(there.p99 / elsewhere.p99).toFixed(1)}`)
}

async function metric(server: ServerProcess, line: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `))
  return Number(found?.slice(line.length) ?? 0)
}

/** Connections opened at once: more would overflow the queue of the kernel before the server. */
const AT_ONCE = 100

/**
 * Opens TCP connections and waits until all of them are gone again, however they end.
 * @returns how many were answered that they took too long
 */
async function openSockets(
  server: ServerProcess,
  count: number,
  use: (socket: Socket) => void,
): Promise<number> {
  const port = Number(new URL(server.url).port)
  const gone: Promise<void>[] = []
  let timedOut = 0
  while (gone.length < count) {
    const batch = Array.from({ length: AT_ONCE }, () => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.on('error', () => {})
      socket.on('data', (data) => {
        if (String(data).startsWith('HTTP/1.1 408 ')) timedOut++
      })
      gone.push(new Promise((resolve) => socket.on('close', () => resolve())))
      return new Promise<void>((resolve) => {
        socket.on('connect', () => resolve(use(socket)))
        socket.on('close', () => resolve())
      })
    })
    await Promise.all(batch)
  }
  await Promise.all(gone)
  return timedOut
}

t.test('5,000 half-open connections are closed in time and disturb nobody', async (t) => {
  const server = await start(t)
  const witness = await Witness.start(t, server)
  const memory = memoryOf(server)
  const answered = openSockets(server, HALF_OPEN, () => {})
  const during = await witness.during(answered)
  expectUnharmed(t, during)
  t.equal(await answered, HALF_OPEN, 'each got 408')
  const refused = 'parley_refusals_total{place="connection",code="REQUEST_TIMEOUT"}'
  t.equal(await metric(server, refused), HALF_OPEN)
  const grown = memoryOf(server) - memory
  t.comment(`memory grew by ${(grown / MIB).toFixed(0)} MiB`)
  t.notOk(grown > 200 * MIB)
})

t.test('handshakes that come byte by byte are ended', async (t) => {
  const server = await start(t)
  const witness = await Witness.start(t, server)
  const head = `GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nX-Slow: ${'x'.repeat(9999)}`
  const answered = openSockets(server, 300, (socket) => {
    let sent = 0
    const timer = setInterval(() => socket.write(head.charAt(sent++)), 200)
    socket.on('close', () => clearInterval(timer))
  })
  const during = await witness.during(answered)
  expectUnharmed(t, during)
  // Who writes on while the answer is under way may see a reset instead.
  t.ok((await answered) > 150, `${await answered} of 300 got 408, all were closed`)
})

t.test('a flood above every limit is refused, each with its own code', async (t) => {
  expectUnharmed(t, await flood(t))
})

/** Floods a server in every way at once. Resolves with what its other clients saw meanwhile. */
async function flood(t: Test): Promise<Compared> {
  const server = await start(t, {
    RATE_LIMIT_MESSAGES: '500',
    RATE_LIMIT_BURST: '1000',
    RATE_LIMIT_REQUESTS: '200',
    MAX_CONNECTIONS_PER_USER: '20',
  })
  const url = `${server.url.replace('http', 'ws')}/chat`
  const witness = await Witness.start(t, server)
  const token = signToken({ sub: 'flooder' }, 600)

  const messages = async () => {
    const client = new ChatClient(url, { token })
    await client.event('welcome')
    for (let n = 0; n < 60 && client.socket.readyState === 1; n++) {
      for (let i = 0; i < 500; i++) client.send({ action: 'ping' })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    t.match(await client.event('error'), { code: 'RATE_LIMITED', retry_after: Number })
    t.same(await client.closed, { code: 4029, reason: 'Rate limit exceeded' })
  }
  const fetchRooms = () =>
    fetch(`${server.url}/rooms`, { headers: { authorization: 'Bearer made.up.token' } })
  const requests = async () => {
    const statuses = new Map<number, number>()
    let unexplained = 0
    for (let n = 0; n < 20; n++) {
      for (const { status, headers } of await Promise.all(Array.from({ length: 50 }, fetchRooms))) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 429 && !headers.has('retry-after')) unexplained++
      }
    }
    t.equal(unexplained, 0, 'every 429 says when to try again')
    t.same([...statuses].sort(), [
      [401, 100],
      [429, 900],
    ])
  }
  const handshakes = async () => {
    const open: ChatClient[] = []
    for (let n = 0; n < 40; n++) {
      const client = new ChatClient(url, { token: signToken({ sub: 'hoarder' }, 600) })
      await client.opened.then(
        () => open.push(client),
        (error) => t.match(error, /429/),
      )
    }
    t.equal(open.length, 20)
    for (const client of open) client.terminate()
  }

  // The first requests of a process run code that was never run before, too.
  for (let n = 0; n < 100; n++) await fetchRooms()
  const during = await witness.during(Promise.all([messages(), requests(), handshakes()]))
  t.ok((await metric(server, 'parley_refusals_total{place="action",code="RATE_LIMITED"}')) > 1000)
  t.equal(await metric(server, 'parley_refusals_total{place="request",code="RATE_LIMITED"}'), 900)
  t.equal(
    await metric(server, 'parley_refusals_total{place="handshake",code="TOO_MANY_CONNECTIONS"}'),
    20,
  )
  t.equal(await metric(server, 'parley_connections_closed_total{code="4029"}'), 1)
  return during
}

t.test('a slow reader with 10,000 messages waiting is closed with 4008', async (t) => {
  const server = await start(t)
  const url = `${server.url.replace('http', 'ws')}/chat`
  const witness = await Witness.start(t, server)
  const [writer, slow] = ['writer', 'slow'].map(
    (sub) => new ChatClient(url, { token: signToken({ sub }, 600) }),
  ) as [ChatClient, ChatClient]
  for (const client of [writer, slow]) {
    await client.event('welcome')
    await client.ask('join', { room: 'r' })
  }
  t.teardown(() => [writer, slow].map((client) => client.terminate()))
  slow.socket.pause()
  const memory = memoryOf(server)
  const msg = 'x'.repeat(1024)
  const flood = async () => {
    for (let n = 0; n < 100; n++) {
      const sends = Array.from({ length: 100 }, () =>
        writer.ask('send_to_room', { room: 'r', msg }),
      )
      await Promise.all(sends)
    }
  }
  const during = await witness.during(flood())
  expectUnharmed(t, during)
  const closed = () => metric(server, 'parley_connections_closed_total{code="4008"}')
  while ((await closed()) === 0) await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(await closed(), 1)
  await writer.settled()
  t.equal(writer.messages('r').length, 10_000, 'who reads has them all')
  const grown = memoryOf(server) - memory
  t.comment(`memory grew by ${(grown / MIB).toFixed(0)} MiB`)
  t.notOk(grown > 200 * MIB)
})
