import type { Broker } from '../../src/broker/broker.js'

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

/** Has this process append what its parent tells it, and report each result, until it is let go. */
export function obey(broker: Broker): void {
  const report = (message: Report) => process.send?.(message)
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
}
