import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Fastify from 'fastify'
import brokerPlugin from '../plugins/broker.js'
import type { Broker, BrokerHandler } from '../src/broker/broker.js'
import { resolveConfig } from '../src/config.js'

/**
 * Measures the embedded log: `node build/bench/log.js [directory] [seconds]`. Everything runs in one
 * process, so the callers' own work is part of the figures. Prints Markdown, or hands the figures
 * to the process that forked it.
 */

/** Appends with so many under way; milliseconds, CPU in microseconds an append. */
export interface Appends {
  readonly durability: 'commit' | 'flush'
  readonly rooms: number
  readonly inFlight: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly loopP99: number
  readonly cpu: number
}

/** What reading the newest hundred messages of a room takes, milliseconds. */
export interface Page {
  readonly messages: number
  readonly p50: number
  readonly p99: number
}

export interface LogFigures {
  readonly appends: readonly Appends[]
  readonly pages: readonly Page[]
}

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

/** The log as the service sets it up. */
async function withBroker<T>(
  durability: Appends['durability'],
  run: (broker: Broker) => Promise<T>,
): Promise<T> {
  const dataDir = mkdtempSync(join(root, 'log-'))
  const config = resolveConfig({ dataDir, durability, historyMessages: 2_000_000 })
  const app = Fastify()
  await app.register(brokerPlugin, { config })
  await app.ready()
  await app.broker.start(nobody)
  try {
    return await run(app.broker)
  } finally {
    await app.broker.close()
    await app.close()
    rmSync(dataDir, { recursive: true })
  }
}

/** Keeps `inFlight` appends going for the given time. */
async function appends(
  broker: Broker,
  durability: Appends['durability'],
  rooms: number,
  inFlight: number,
): Promise<Appends> {
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
  return {
    durability,
    rooms,
    inFlight,
    perSecond: latencies.length / elapsed,
    ...percentiles(latencies),
    loopP99: delay.percentile(99) / 1e6,
    cpu: (used.user + used.system) / latencies.length,
  }
}

async function page(messages: number): Promise<Page> {
  return withBroker('commit', async (broker) => {
    let batch: Promise<unknown>[] = []
    for (let n = 0; n < messages; n++) {
      batch.push(broker.append('room', { id: `m${n}`, user: 'ann', nick: 'Ann', msg: payload }))
      if (batch.length < 5000) continue
      await Promise.all(batch)
      batch = []
    }
    await Promise.all(batch)
    const times: number[] = []
    for (let i = 0; i < 1000; i++) {
      const begin = performance.now()
      await broker.read('room', { limit: 100, maxLength: 1_000_000 })
      times.push(performance.now() - begin)
    }
    // The first half is a warm-up.
    return { messages, ...percentiles(times.slice(500)) }
  })
}

function percentiles(times: number[]): { p50: number; p99: number } {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

async function measure(): Promise<LogFigures> {
  const figures = { appends: [] as Appends[], pages: [] as Page[] }
  for (const durability of ['commit', 'flush'] as const) {
    for (const rooms of [1, 1000]) {
      for (const inFlight of [1, 100, 2000]) {
        const run = (broker: Broker) => appends(broker, durability, rooms, inFlight)
        figures.appends.push(await withBroker(durability, run))
      }
    }
  }
  for (const messages of [1000, 10_000, 100_000, 1_000_000])
    figures.pages.push(await page(messages))
  return figures
}

try {
  const figures = await measure()
  if (process.send) process.send(figures)
  else {
    const { logTables } = await import('./suite/log-tables.js')
    console.info(logTables(figures))
  }
} finally {
  rmSync(root, { recursive: true })
}
