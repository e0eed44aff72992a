import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readEnds } from '../test/chaos/final-logs.js'
import { ServerProcess } from '../test/chaos/server-process.js'
import { signToken } from '../test/chaos/token.js'
import type { StormOptions, StormOrder, StormReport } from './recovery-storm-clients.js'

/**
 * Recovery storm: thousands of clients in rooms with traffic lose their connections in the same
 * moment and all come back with their positions. How long until the last one has everything, is
 * anything lost, and what does it cost the server in memory?
 *
 *     node build/bench/recovery-storm.js --clients 5000 --rooms 50
 *
 * Caveats: clients and server share the machine's cores, so the times are an upper bound; clients
 * come back spread over a second, as the library's first try does.
 */
const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    rooms: { type: 'string', default: '50' },
    processes: { type: 'string', default: '4' },
    /** Messages a second into each room, before, during and after the cut. */
    rate: { type: 'string', default: '2' },
    /** Seconds of traffic before and after the cut. */
    seconds: { type: 'string', default: '10' },
  },
})
const [clients, rooms, processes, rate, seconds] = [
  values.clients,
  values.rooms,
  values.processes,
  values.rate,
  values.seconds,
].map(Number) as [number, number, number, number, number]

const names = Array.from({ length: rooms }, (_, i) => `storm-${i}`)
const folder = mkdtempSync(join(tmpdir(), 'parley-storm-'))
const server = new ServerProcess({
  script: fileURLToPath(new URL('../src/server.js', import.meta.url)),
  dataDir: join(folder, 'data'),
  logFile: join(folder, 'server.log'),
  env: {
    HEARTBEAT_SECONDS: '25',
    MAX_CONNECTIONS_PER_USER: '0',
    MAX_BUFFERED_BYTES: '1048576',
    RATE_LIMIT_MESSAGES: '0',
  },
})
const workers: ChildProcess[] = []
try {
  await server.start()
  const url = `http://127.0.0.1:${server.port}`
  for (let i = 0; i < processes; i++) {
    const options: StormOptions = { url, clients: Math.ceil(clients / processes), rooms: names }
    const script = new URL('./recovery-storm-clients.js', import.meta.url)
    workers.push(fork(script, [JSON.stringify(options)]))
  }
  console.log(`${clients} clients in ${rooms} rooms, ${rate} messages a second and room`)
  const joined = performance.now()
  await askAll('join')
  console.log(`joined in ${secondsSince(joined)} s, server at ${server.memory()} MB`)

  let sending = true
  const sent = traffic(url, () => sending)
  await sleep(seconds * 1000)
  console.log(`under load, server at ${server.memory()} MB; cutting all connections`)
  const cut = performance.now()
  const reports = await askAll('cut')
  console.log(`all back with everything up to their return after ${secondsSince(cut)} s`)
  await sleep(seconds * 1000)
  sending = false
  const messages = await sent
  const ends = await readEnds(url, names)
  const finals = await askAll('report', Object.fromEntries(ends.map((e) => [e.room, e.offset])))
  server.measure()

  const waits = reports.flatMap(({ waits }) => waits).sort((a, b) => a - b)
  const at = (share: number) => Math.round(waits[Math.floor(share * (waits.length - 1))] ?? 0)
  const sum = (key: 'received' | 'lost' | 'doubled' | 'unrecovered') =>
    finals.reduce((total, report) => total + report[key], 0)
  console.log(
    [
      '| | |',
      '| --- | --- |',
      `| back with everything, median / 99 % / last | ${at(0.5)} / ${at(0.99)} / ${at(1)} ms |`,
      `| messages sent and acknowledged | ${messages} |`,
      `| messages received | ${sum('received')} |`,
      `| lost | ${sum('lost')} |`,
      `| doubled | ${sum('doubled')} |`,
      `| rejoins that were not recovered | ${sum('unrecovered')} |`,
      `| server memory, peak | ${Math.round(server.peakMemory / 1024)} MB |`,
    ].join('\n'),
  )
  process.exitCode = sum('lost') + sum('doubled') + sum('unrecovered') > 0 ? 1 : 0
} finally {
  for (const worker of workers) worker.kill('SIGKILL')
  await server.end()
  rmSync(folder, { recursive: true, force: true })
}

/** Sends into every room at the given rate. Resolves with how many messages were acknowledged. */
async function traffic(url: string, goOn: () => boolean): Promise<number> {
  const headers = {
    authorization: `Bearer ${signToken('storm-sender', 3600)}`,
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ msg: 'x'.repeat(100) })
  let acknowledged = 0
  const one = async (room: string) => {
    while (goOn()) {
      const next = sleep(1000 / rate)
      const response = await fetch(`${url}/rooms/${room}/messages`, {
        method: 'POST',
        headers,
        body,
      })
      if (response.status === 201) acknowledged++
      await response.arrayBuffer()
      await next
    }
  }
  await Promise.all(names.map(one))
  return acknowledged
}

/** Gives every process an order and waits for all answers. */
function askAll(order: StormOrder['order'], ends: StormOrder['ends'] = {}): Promise<StormReport[]> {
  return Promise.all(
    workers.map((worker) => {
      const answer = new Promise<StormReport>((resolve) => worker.once('message', resolve))
      worker.send({ order, ends } satisfies StormOrder)
      return answer
    }),
  )
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(2)
}
