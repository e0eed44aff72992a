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
import { makeCertificate } from '../test/helpers/certificate.js'
import type { MembersOptions, MembersReport } from './ways-in-members.js'

/**
 * What each way in costs the server: processor time for each message that is delivered to a member,
 * and memory of a connection that is idle in a room.
 *
 *     node build/bench/ways-in.js --members 1000 --bytes 1024
 *
 * `websocket`, `tls` and `h2` are WebSockets over HTTP/1.1, over TLS, and over HTTP/2 with a hundred on each
 * connection; `deflate` is `websocket` with `COMPRESSION=on`; `ws deflate` is a server of nothing but ws, with
 * the compression that ws does for each connection (`ways-in-ws.ts`).
 *
 * Caveats: memory is resident memory after a collection, before and after the members came; the
 * time of the append is measured with no member and taken off.
 */
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    /** Of a message's text. */
    bytes: { type: 'string', default: '1024' },
    /** Messages a second. */
    rate: { type: 'string', default: '20' },
    /** Messages that are sent at once: with 1 no two can share a write. */
    burst: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '10' },
    ways: { type: 'string', default: 'websocket,tls,h2,sse,follow,deflate,ws deflate' },
  },
})
const [members, bytes, rate, burst, seconds] = [
  values.members,
  values.bytes,
  values.rate,
  values.burst,
  values.seconds,
].map(Number) as [number, number, number, number, number]
const ways = values.ways.split(',') as MembersOptions['way'][]

const WORDS = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor'.split(
  ' ',
)

/** Of `/proc`: clock ticks a second. */
const TICKS = 100

console.log(
  `${members} members of one room, ${rate} messages of ${bytes} bytes of JSON a second, ${burst} at once\n`,
)
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
  const secure = way === 'tls' || way === 'h2'
  const script = new URL(
    way === 'ws deflate' ? './ways-in-ws.js' : '../src/server.js',
    import.meta.url,
  )
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const certificate = secure
    ? await makeCertificate({ teardown: (end) => ends.push(end) })
    : undefined
  const server = new ServerProcess({
    script: fileURLToPath(script),
    dataDir: ':memory:',
    logFile: join(folder, 'server.log'),
    env: {
      RATE_LIMIT_MESSAGES: '0',
      RATE_LIMIT_REQUESTS: '0',
      IDLE_TIMEOUT_SECONDS: '0',
      HEARTBEAT_SECONDS: '0',
      CHAOS_PRELOAD: 'node:http',
      ...(way === 'deflate' && { COMPRESSION: 'on' }),
      ...certificate?.env,
    },
  })
  let child: ChildProcess | undefined
  try {
    await server.start()
    const { pid } = server
    const url = `http${secure ? 's' : ''}://127.0.0.1:${server.port}`
    const sender = await startSender(url)
    // What the first requests load once and for all is nobody's own. It is before the members.
    await sender(20)
    const settled = async () => {
      server.order({ order: 'collect', megabytes: 0 })
      await sleep(2000)
      return residentBytes(pid)
    }
    const before = await settled()
    const options: MembersOptions = { url, way, members: count, room: 'bench' }
    child = fork(new URL('./ways-in-members.js', import.meta.url), [JSON.stringify(options)])
    const died = once(child, 'exit').then(() => Promise.reject(new Error('the members failed')))
    await Promise.race([once(child, 'message'), died])
    died.catch(() => {})
    await sleep(3000)
    const memory = (await settled()) - before
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
    for (const end of ends) await end()
  }
}

/** Sends into the room at the rate, over a WebSocket that is in the room. */
async function startSender(url: string): Promise<(count: number) => Promise<void>> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`, {
    headers: { authorization: `Bearer ${signToken('sender', 3600)}` },
    rejectUnauthorized: false,
    perMessageDeflate: false,
  })
  await once(socket, 'open')
  let sent = 0
  socket.send(JSON.stringify({ action: 'join', id: 'join', room: 'bench' }))
  return async (count) => {
    for (let i = 1; i <= count; i++) {
      const msg = words(bytes)
      socket.send(JSON.stringify({ action: 'send_to_room', id: `m${sent++}`, room: 'bench', msg }))
      if (i % burst === 0) await sleep((burst * 1000) / rate)
    }
  }
}

/** A payload of so many bytes as JSON, with as much repetition in it as chat has. */
function words(length: number): object {
  const text: string[] = []
  let size = '{"text":""}'.length
  while (size < length) {
    const n = (Math.random() * WORDS.length) | 0
    const word = `${WORDS[n]} ${(Math.random() * 1000) | 0}`.slice(0, length - size)
    text.push(word)
    size += word.length + 1
  }
  return { text: text.join(' ').slice(0, length - '{"text":""}'.length) }
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  // A machine that is short of memory has put some of it aside.
  const kilobytes = ['VmRSS', 'VmSwap'].map((name) => new RegExp(`${name}:\\s+(\\d+)`).exec(status))
  return kilobytes.reduce((sum, found) => sum + Number(found?.[1] ?? 0) * 1024, 0)
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
