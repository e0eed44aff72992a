import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { signToken } from './jwt.js'
import type { ServerProcess } from './server.js'

/** How long the messages of a client took, milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

/** A client that chats on while others misbehave, and measures how long its messages take. */
export class Witness {
  readonly #worker: Worker

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Connects; gone at the test's end. */
  static async start(t: Test, server: ServerProcess): Promise<Witness> {
    const url = `${server.url.replace('http', 'ws')}/chat`
    const token = signToken({ sub: 'witness' }, 3600)
    const file = new URL('./witness-worker.js', import.meta.url)
    const worker = new Worker(file, { workerData: { url, token } })
    t.teardown(() => worker.terminate())
    await once(worker, 'message')
    return new Witness(worker)
  }

  /** What its messages took while `work` was under way, and until there are enough to tell. */
  async during(work: Promise<unknown>, atLeast = 200): Promise<Latency> {
    await this.#take()
    await work
    const times = await this.#take()
    while (times.length < atLeast) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      times.push(...(await this.#take()))
    }
    times.sort((a, b) => a - b)
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99), count: times.length }
  }

  async #take(): Promise<number[]> {
    this.#worker.postMessage('take')
    const [times] = await once(this.#worker, 'message')
    return times
  }
}

/** Both latencies and their ratio, in words for a report. */
export function compare(before: Latency, during: Latency): string {
  const show = ({ p50, p99, count }: Latency) =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${count} messages)`
  return `before: ${show(before)}; during: ${show(during)}; p99 × ${(during.p99 / before.p99).toFixed(1)}`
}
