import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { JWT_SECRET, signToken } from './jwt.js'
import { type ServerProcess, startServer } from './server.js'

/** How long the messages of a client took, milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

/** What a client of the server in question saw, and one of a server that nothing was done to. */
export interface Compared {
  readonly there: Latency
  readonly elsewhere: Latency
}

/**
 * Two clients that chat on while others misbehave, and measure how long their messages take: one
 * on the server in question, one on another that is left in peace. What both see is the machine,
 * which the misbehaving clients use as well; what only the first sees is the server.
 */
export class Witness {
  readonly #there: ChattingWorker
  readonly #elsewhere: ChattingWorker

  private constructor(there: ChattingWorker, elsewhere: ChattingWorker) {
    this.#there = there
    this.#elsewhere = elsewhere
  }

  /** Connects, and starts the other server; gone at the test's end. */
  static async start(t: Test, server: ServerProcess): Promise<Witness> {
    const inPeace = await startServer(t, { JWT_SECRET, RATE_LIMIT_MESSAGES: '0' })
    const [there, elsewhere] = [new ChattingWorker(t, server), new ChattingWorker(t, inPeace)]
    await Promise.all([there.ready, elsewhere.ready])
    const witness = new Witness(there, elsewhere)
    // The first messages of a process run code that was never run before.
    await witness.during(Promise.resolve())
    return witness
  }

  /** What their messages took while `work` was under way, and until there are enough to tell. */
  async during(work: Promise<unknown>, atLeast = 300): Promise<Compared> {
    const both = [this.#there, this.#elsewhere]
    await Promise.all(both.map((worker) => worker.take()))
    await work
    const times = await Promise.all(both.map((worker) => worker.take()))
    while (times.some(({ length }) => length < atLeast)) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      for (const [i, worker] of both.entries()) times[i]?.push(...(await worker.take()))
    }
    const [there, elsewhere] = times.map(latencyOf) as [Latency, Latency]
    return { there, elsewhere }
  }
}

/** A client in a thread of its own, so that what the test does meanwhile does not count. */
class ChattingWorker {
  readonly ready: Promise<unknown>
  readonly #worker: Worker

  constructor(t: Test, server: ServerProcess) {
    const url = `${server.url.replace('http', 'ws')}/chat`
    const token = signToken({ sub: 'witness' }, 3600)
    const file = new URL('./witness-worker.js', import.meta.url)
    this.#worker = new Worker(file, { workerData: { url, token } })
    this.ready = once(this.#worker, 'message')
    t.teardown(() => this.#worker.terminate())
  }

  /** What its messages took since it was last asked, milliseconds. */
  async take(): Promise<number[]> {
    this.#worker.postMessage('take')
    const [times] = await once(this.#worker, 'message')
    return times
  }
}

function latencyOf(times: number[]): Latency {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), count: times.length }
}

/** Both latencies and their ratio, in words for a report. */
export function compare({ there, elsewhere }: Compared): string {
  const show = ({ p50, p99, count }: Latency) =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${count} messages)`
  const ratio = (there.p99 / elsewhere.p99).toFixed(1)
  return `there: ${show(there)}; elsewhere: ${show(elsewhere)}; p99 × ${ratio}`
}
