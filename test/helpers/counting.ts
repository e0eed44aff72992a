import { readFileSync } from 'node:fs'
import { GCProfiler } from 'node:v8'
import type { Batch } from '../../src/connections/batch.js'
import type { Transport } from '../../src/connections/transport.js'

/** A client that takes everything at once and only counts. */
export class CountingTransport implements Transport {
  readonly name = 'counting'
  readonly answersPings = true
  readonly buffered = 0
  readonly bytesRead = 0
  readonly bytesWritten = 0
  writes = 0
  events = 0
  readonly #buffers: Set<Buffer>

  /** @param buffers where each buffer that is written is put: shared ones are there once */
  constructor(buffers: Set<Buffer>) {
    this.#buffers = buffers
  }

  write(batch: Batch): boolean {
    this.writes++
    this.events += batch.events.length
    this.#buffers.add(batch.frames())
    return true
  }

  writeBoth(first: Batch, second: Batch): boolean {
    this.write(first)
    this.write(second)
    this.writes--
    return true
  }

  ping(): void {}
  onceDrained(drained: () => void): void {
    drained()
  }
  pause(): void {}
  resume(): void {}
  close(): void {}
  terminate(): void {}
}

/** How often methods of these objects are called while something runs. */
export async function countCalls<K extends string>(
  methods: Readonly<Record<K, readonly [object: object, method: string]>>,
  run: () => Promise<void>,
): Promise<Record<K, number>> {
  const counts = {} as Record<K, number>
  const restore: (() => void)[] = []
  for (const key of Object.keys(methods) as K[]) {
    const [object, method] = methods[key] as [Record<string, unknown>, string]
    const original = object[method] as (...args: unknown[]) => unknown
    counts[key] = 0
    object[method] = function (this: unknown, ...args: unknown[]) {
      counts[key]++
      return original.apply(this, args)
    }
    restore.push(() => {
      object[method] = original
    })
  }
  try {
    await run()
  } finally {
    for (const undo of restore) undo()
  }
  return counts
}

/** Bytes of JavaScript heap that were allocated while something ran, collected since or not. */
export async function allocatedBytes(run: () => Promise<void>): Promise<number> {
  const profiler = new GCProfiler()
  profiler.start()
  let used = process.memoryUsage().heapUsed
  await run()
  const end = process.memoryUsage().heapUsed
  let total = 0
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    total += beforeGC.heapStatistics.usedHeapSize - used
    used = afterGC.heapStatistics.usedHeapSize
  }
  return total + end - used
}

/** Write system calls of this process so far; undefined where the system does not tell. */
export function writeCalls(): number | undefined {
  try {
    const found = /^syscw: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
    return found ? Number(found[1]) : undefined
  } catch {
    return undefined
  }
}
