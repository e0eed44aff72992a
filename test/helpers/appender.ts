import { createEmbeddedBroker } from '../../src/broker/embedded/embedded.js'
import { openLmdbStore } from '../../src/broker/embedded/lmdb-store.js'
import { openLogStore } from '../../src/broker/embedded/log-store.js'
import type { Durability } from '../../src/broker/embedded/store.js'
import { systemClock } from '../../src/clock.js'

/**
 * A process of its own that appends to the log in a directory what it is told, to be killed at any
 * moment: `node appender.js <directory> <durability> <bytes of a segment of the journal, 0 = no journal>`.
 */
export interface Task {
  readonly room: string
  readonly id: string
}

export type Report =
  | { readonly started: number }
  | { readonly stored: Task; readonly epoch: string; readonly offset: number }
  | { readonly refused: string }
  | { readonly health: { readonly ok: boolean; readonly reason?: string } }

const IN_FLIGHT = 50

const [, , dir = '', durability, segmentSize] = process.argv
const report = (message: Report) => process.send?.(message)

const broker = createEmbeddedBroker({
  store:
    segmentSize === '0'
      ? await openLmdbStore({ dir })
      : await openLogStore({ dir, segmentSize: Number(segmentSize) }),
  clock: systemClock,
  durability: durability as Durability,
  historyMessages: 100_000,
  historySeconds: 86_400,
})
await broker.start({
  message() {},
  reset() {},
  presence() {},
  signal() {},
  direct: () => 0,
  command() {},
  answer: async () => '',
})

process.on('message', async (tasks: readonly Task[]) => {
  let next = 0
  const one = async () => {
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
      const message = { id: task.id, user: 'ann', nick: 'Ann', msg: `"${'x'.repeat(100)}"` }
      try {
        const { epoch, offset } = await broker.append(task.room, message)
        report({ stored: task, epoch, offset })
      } catch (error) {
        report({ refused: String(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  report({ health: broker.health() })
})
process.on('disconnect', async () => {
  await broker.close()
})
report({ started: process.pid })
