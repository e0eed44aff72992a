import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Broker, BrokerHandler } from '../src/broker/broker.js'
import { createEmbeddedBroker } from '../src/broker/embedded/embedded.js'
import { openLogStore } from '../src/broker/embedded/log-store.js'
import type { Durability } from '../src/broker/embedded/store.js'
import { systemClock } from '../src/clock.js'

/**
 * Measures the embedded log: `node build/bench/log.js [directory] [seconds]`. Everything runs in one
 * process, so the callers' own work is part of the figures. Prints Markdown.
 */

const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'parley-bench-'))
const seconds = Number(process.argv[3] ?? 2)
const payload = JSON.stringify('x'.repeat(198))

const nobody: BrokerHandler = {
  message() {},
  reset() {},
  presence() {},
  signal() {},
  direct: () => 0,
  command() {},
  answer: () => Promise.reject(new Error('nobody is asked')),
}

async function withBroker<T>(durability: Durability, run: (broker: Broker) => Promise<T>) {
  const dir = join(root, String(Math.random()))
  const broker = createEmbeddedBroker({
    store: await openLogStore({ dir }),
    clock: systemClock,
    durability,
    historyMessages: 2_000_000,
    historySeconds: 604_800,
  })
  await broker.start(nobody)
  try {
    return await run(broker)
  } finally {
    await broker.close()
    rmSync(dir, { recursive: true })
  }
}

/** Keeps `inFlight` appends going for the given time. */
async function appends(broker: Broker, rooms: number, inFlight: number) {
  for (let room = 0; room < rooms; room++) await broker.subscribe(`room-${room}`)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const latencies: number[] = []
  let sent = 0
  delay.enable()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const end = start + seconds * 1000
  const one = async () => {
    while (performance.now() < end) {
      const n = sent++
      const begin = performance.now()
      const message = { id: `m${n}`, user: `user-${n % 500}`, nick: 'Nick', msg: payload }
      await broker.append(`room-${n % rooms}`, message)
      latencies.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  const elapsed = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  delay.disable()
  latencies.sort((a, b) => a - b)
  const at = (p: number) => latencies[Math.floor(latencies.length * p)] ?? 0
  return {
    perSecond: latencies.length / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    loop: delay.percentile(99) / 1e6,
    cpu: (used.user + used.system) / latencies.length,
  }
}

async function page(total: number): Promise<number> {
  return withBroker('commit', async (broker) => {
    let batch: Promise<unknown>[] = []
    for (let n = 0; n < total; n++) {
      batch.push(broker.append('room', { id: `m${n}`, user: 'ann', nick: 'Ann', msg: payload }))
      if (batch.length < 5000) continue
      await Promise.all(batch)
      batch = []
    }
    await Promise.all(batch)
    const times: number[] = []
    for (let i = 0; i < 500; i++) {
      const begin = performance.now()
      await broker.read('room', { limit: 100, maxLength: 1_000_000 })
      times.push(performance.now() - begin)
    }
    return times.sort((a, b) => a - b)[250] ?? 0
  })
}

console.info(`\n200-byte messages, Node ${process.version}, ${seconds} s each\n`)
console.info(
  '| durability | rooms | in flight | appends/s | p50 ms | p99 ms | loop p99 ms | CPU µs |',
)
console.info('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const durability of ['commit', 'flush'] as const) {
  for (const rooms of [1, 1000]) {
    for (const inFlight of [1, 100, 2000]) {
      const r = await withBroker(durability, (broker) => appends(broker, rooms, inFlight))
      const figures = [r.p50, r.p99, r.loop, r.cpu].map((x) => x.toFixed(2)).join(' | ')
      const rate = Math.round(r.perSecond).toLocaleString('en')
      console.info(`| ${durability} | ${rooms} | ${inFlight} | ${rate} | ${figures} |`)
    }
  }
}
console.info('\n| messages in the room | newest 100, p50 ms |\n| ---: | ---: |')
for (const total of [1000, 1_000_000]) {
  console.info(`| ${total.toLocaleString('en')} | ${(await page(total)).toFixed(3)} |`)
}
rmSync(root, { recursive: true })
