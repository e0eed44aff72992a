import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { ServerProcess } from '../test/chaos/server-process.js'
import { signToken } from '../test/chaos/token.js'
import type { MembersOptions, MembersReport } from './ways-in-members.js'

/**
 * What each way in costs the server: processor time for each message that is delivered to a member,
 * and memory of a connection that is idle in a room.
 *
 *     node build/bench/ways-in.js --members 1000 --bytes 1024
 *
 * Caveats: memory is what Node counts, on its heap and outside, after a collection; what the kernel
 * keeps for a socket is not in it. The time of the append is measured with no member and taken off.
 * What members of `sse` post to answer pings is in their time, as it is in real life.
 */
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    /** Of a message's text. */
    bytes: { type: 'string', default: '1024' },
    /** Messages a second. */
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '10' },
    ways: { type: 'string', default: 'websocket,sse,follow' },
  },
})
const [members, bytes, rate, seconds] = [
  values.members,
  values.bytes,
  values.rate,
  values.seconds,
].map(Number) as [number, number, number, number]
const ways = values.ways.split(',') as MembersOptions['way'][]

/** Of `/proc`: clock ticks a second. */
const TICKS = 100

console.log(`${members} members of one room, ${rate} messages of ${bytes} bytes a second\n`)
console.log('| way in | µs a delivered message | KB a connection |')
console.log('| --- | --- | --- |')
const alone = await measure('websocket', 0)
for (const way of ways) {
  const { time, memory, delivered } = await measure(way, members)
  const each = ((time - alone.time) * 1e6) / delivered
  console.log(`| ${way} | ${each.toFixed(2)} | ${(memory / members / 1024).toFixed(1)} |`)
}

/** `time` in seconds of the processor, `memory` in bytes. */
async function measure(way: MembersOptions['way'], count: number) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-ways-'))
  const server = new ServerProcess({
    script: fileURLToPath(new URL('../src/server.js', import.meta.url)),
    dataDir: ':memory:',
    logFile: join(folder, 'server.log'),
    env: {
      RATE_LIMIT_MESSAGES: '0',
      RATE_LIMIT_REQUESTS: '0',
      IDLE_TIMEOUT_SECONDS: '0',
      HEARTBEAT_SECONDS: '25',
    },
  })
  let child: ChildProcess | undefined
  try {
    await server.start()
    const { pid } = server
    const url = `http://127.0.0.1:${server.port}`
    const sender = await startSender(url)
    // What the first requests load once and for all is nobody's own. It is before the members.
    await sender(20)
    const before = await memoryOf(server)
    const options: MembersOptions = { url, way, members: count, room: 'bench' }
    child = fork(new URL('./ways-in-members.js', import.meta.url), [JSON.stringify(options)])
    const died = once(child, 'exit').then(() => Promise.reject(new Error('the members failed')))
    await Promise.race([once(child, 'message'), died])
    died.catch(() => {})
    await sleep(2000)
    const memory = (await memoryOf(server)) - before
    const started = cpuSeconds(pid)
    await sender(rate * seconds)
    const delivered = rate * seconds * count
    for (let received = 0; received < delivered; ) {
      await sleep(500)
      child.send('report')
      const [report] = (await once(child, 'message')) as [MembersReport]
      received = report.received
    }
    return { time: cpuSeconds(pid) - started, memory, delivered }
  } finally {
    child?.kill('SIGKILL')
    await server.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Sends into the room at the rate, over a WebSocket that is in the room. */
async function startSender(url: string): Promise<(count: number) => Promise<void>> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`, {
    headers: { authorization: `Bearer ${signToken('sender', 3600)}` },
  })
  await once(socket, 'open')
  const msg = 'x'.repeat(bytes)
  let sent = 0
  socket.send(JSON.stringify({ action: 'join', id: 'join', room: 'bench' }))
  return async (count) => {
    for (let i = 0; i < count; i++) {
      socket.send(JSON.stringify({ action: 'send_to_room', id: `m${sent++}`, room: 'bench', msg }))
      await sleep(1000 / rate)
    }
  }
}

/** Bytes in use, on the heap and outside it, once the garbage has been collected. */
async function memoryOf(server: ServerProcess): Promise<number> {
  for (let n = 0; n < 3; n++) {
    server.order({ order: 'collect', megabytes: 1 })
    await sleep(500)
  }
  const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
  const value = (name: string) =>
    Number(new RegExp(`^${name}\\{?.*? (\\S+)$`, 'm').exec(metrics)?.[1])
  return value('nodejs_heap_size_used_bytes') + value('nodejs_external_memory_bytes')
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
