import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { GroupOptions, GroupReport } from '../test/helpers/rolling-clients.js'
import {
  type Clients,
  type RollingReport,
  rollingRestart,
} from '../test/helpers/rolling-restart.js'
import type { GroupOrder } from './rolling-restart-clients.js'

/**
 * Rolling restart: three nodes over Redis behind the shipped nginx configuration are restarted one
 * after the other while thousands of clients of the library chat on. How many come back at the same
 * time, with the staged drain and without, how long are they away, and is anything lost?
 *
 *     npm run rolling-restart -- --clients 3000
 *
 * Caveats: clients, nginx, Redis and nodes share the machine's cores. Without the staged drain the
 * peak is what such a machine can take, not what clients would like to do.
 */
const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '3000' },
    rooms: { type: 'string', default: '150' },
    processes: { type: 'string', default: '3' },
    /** Seconds between two messages of one client. */
    pace: { type: 'string', default: '15' },
    /** Seconds of traffic before, between and after the restarts. */
    between: { type: 'string', default: '8' },
    /** Of the staged drain, seconds. */
    drain: { type: 'string', default: '10' },
  },
})
const numbers = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, +value]))
const { clients, rooms, processes, pace, between, drain } = numbers as Record<
  keyof typeof values,
  number
>

/** Spread over as many processes as were asked for. */
class Processes implements Clients {
  readonly #workers: ChildProcess[]

  constructor(url: string) {
    const each = Math.ceil(clients / processes)
    this.#workers = Array.from({ length: processes }, (_, i) => {
      const options: GroupOptions = {
        url,
        first: i * each,
        clients: each,
        rooms,
        pace: pace * 1000,
      }
      const script = new URL('./rolling-restart-clients.js', import.meta.url)
      return fork(script, [JSON.stringify(options)])
    })
  }

  async start(): Promise<void> {
    await this.#all({ order: 'start' })
  }

  async settle(): Promise<void> {
    await this.#all({ order: 'settle' })
  }

  report(ends: Readonly<Record<string, number>>): Promise<GroupReport[]> {
    return this.#all({ order: 'report', ends })
  }

  end(): void {
    for (const worker of this.#workers) worker.kill('SIGKILL')
  }

  #all(order: GroupOrder): Promise<GroupReport[]> {
    return Promise.all(
      this.#workers.map(async (worker) => {
        const answer = once(worker, 'message')
        worker.send(order)
        return (await answer)[0]
      }),
    )
  }
}

async function run(drainSeconds: number): Promise<RollingReport> {
  const ends: (() => unknown)[] = []
  const teardown = (end: () => unknown) => ends.push(end)
  const options = { nodes: 3, rooms, drainSeconds, between: between * 1000 }
  try {
    return await rollingRestart(
      { teardown },
      {
        ...options,
        clients(url) {
          const group = new Processes(url)
          teardown(() => group.end())
          return group
        },
      },
    )
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

const at = (times: readonly number[], share: number) =>
  times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

const rows: [name: string, read: (report: RollingReport) => number | string][] = [
  ['acknowledged', (report) => report.acknowledged],
  ['acknowledged and lost', (report) => report.lost],
  ['stored twice', (report) => report.doubled],
  ['refused for good', (report) => report.failed.length],
  ['delivered', (report) => report.received],
  ['delivered twice, out of order or not at all', (report) => report.misplaced],
  ['reconnects', (report) => report.returns.length],
  ['**most reconnects within one second**', (report) => `**${report.peak}**`],
  ['away, half of them', (report) => seconds(at(report.away, 0.5))],
  ['away, 99 of 100', (report) => seconds(at(report.away, 0.99))],
  ['SIGTERM to the end of a node, longest', (report) => seconds(Math.max(...report.stops))],
]

const staged = await run(drain)
const atOnce = await run(0)
console.log(`| ${clients} clients, 3 nodes | DRAIN_SECONDS=${drain} | DRAIN_SECONDS=0 |`)
console.log('| --- | --- | --- |')
for (const [name, read] of rows) console.log(`| ${name} | ${read(staged)} | ${read(atOnce)} |`)
const broken = [staged, atOnce].some((r) => r.lost + r.doubled + r.misplaced + r.failed.length > 0)
process.exitCode = broken ? 1 : 0
