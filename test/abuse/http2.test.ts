import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import t, { type Test } from 'tap'
import { makeCertificate } from '../helpers/certificate.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { compare, Witness } from '../helpers/latency.js'
import { connectFrame, RawHttp2, resetFrame } from '../helpers/raw-h2.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

const MIB = 1024 * 1024

/** How many times as long half of the messages of others may take as on a server left in peace. */
const WORST_RATIO = 20

interface Here {
  readonly server: ServerProcess
  readonly witness: Witness
  readonly port: number
  readonly lines: () => number
  readonly memory: () => number
}

async function start(t: Test): Promise<Here> {
  const { env: tls } = await makeCertificate(t)
  const server = await startServer(t, { JWT_SECRET, RATE_LIMIT_MESSAGES: '0', ...tls })
  const witness = await Witness.start(t, server)
  const memory = () => {
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  }
  const port = Number(new URL(server.url).port)
  return { server, witness, port, memory, lines: () => server.logged }
}

async function expectUnharmed(t: Test, work: Promise<unknown>): Promise<void> {
  const memory = here.memory()
  const lines = here.lines()
  const during = await here.witness.during(work)
  t.comment(compare(during))
  const ratio = during.there.p50 / during.elsewhere.p50
  t.ok(ratio < WORST_RATIO, `p50 × ${ratio.toFixed(1)}`)
  const grown = here.memory() - memory
  t.notOk(grown > 150 * MIB, `memory grew by ${(grown / MIB).toFixed(0)} MiB`)
  const written = here.lines() - lines
  t.ok(written < 3000, `${written} log lines`)
}

function health(): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    get(`${here.server.url}/health`, { rejectUnauthorized: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(JSON.parse(text)))
    }).on('error', reject)
  })
}

let here: Here
t.before(async () => {
  here = await start(t)
})

const bearer = (user: string) => ({ authorization: `Bearer ${signToken({ sub: user }, 600)}` })
const streams = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => 2 * (from + i) + 1)

t.test('10,000 CONNECTs at once end the connection, and disturb nobody', async (t) => {
  const flood = async (headers: Record<string, string>) => {
    const raw = await RawHttp2.open(here.port)
    raw.write(...streams(10_000).map((id) => connectFrame(id, '/chat', headers)))
    await raw.closed
    t.pass('the connection was closed')
  }
  await expectUnharmed(t, Promise.all([flood(bearer('flooder')), flood({})]))
})

t.test('rapid reset ends the connection, and disturbs nobody', async (t) => {
  const attack = async (headers: Record<string, string>) => {
    const raw = await RawHttp2.open(here.port)
    let sent = 0
    while (raw.socket.writable && sent < 50_000) {
      const frames = streams(100, sent).map((id) => [
        connectFrame(id, '/chat', headers),
        resetFrame(id),
      ])
      raw.write(...frames.flat())
      sent += 100
      await new Promise(setImmediate)
    }
    raw.socket.end()
    await raw.closed
    t.ok(sent < 50_000, `cut off after ${sent} streams`)
    if (raw.answers.goaway !== undefined) t.equal(raw.answers.goaway, 11, 'ENHANCE_YOUR_CALM')
  }
  await expectUnharmed(t, Promise.all([attack(bearer('attacker')), attack({})]))
  t.match(await health(), { status: 'ok', connections: 1 })
})
