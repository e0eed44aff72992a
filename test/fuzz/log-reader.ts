import { createInterface } from 'node:readline'
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../src/broker/embedded/log-store.js'
import { systemClock } from '../../src/clock.js'

/** What could be read of a log. */
export interface LogReading {
  /** Messages by room: offset and JSON. */
  readonly rooms: Record<string, [offset: number, json: string][]>
  /** The first thing that went wrong. */
  readonly error?: string
}

/** For each directory on the standard input, one line of JSON. */
for await (const dir of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await read(dir))}\n`)
}

async function read(dir: string): Promise<LogReading> {
  const rooms: LogReading['rooms'] = {}
  let error: string | undefined
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (problem) {
      error ??= String(problem)
    }
  }
  await attempt(async () => {
    const store = await openLogStore({ dir })
    const limits = { historyMessages: 1000, historySeconds: 3600 }
    const options = { store, clock: systemClock, durability: 'commit' as const, ...limits }
    const broker = createEmbeddedBroker(options)
    const nothing = () => 0
    await attempt(() =>
      broker.start({
        message: nothing,
        reset: nothing,
        presence: nothing,
        signal: nothing,
        direct: nothing,
        command: nothing,
        answer: async () => '',
      }),
    )
    for (const room of ['a', 'b']) {
      const messages: [number, string][] = []
      rooms[room] = messages
      // One by one: what is readable beside a damaged message is read too.
      for (let after = 0; after < 60; after++) {
        await attempt(async () => {
          const page = await broker.read(room, { after, upTo: after + 1, limit: 1, maxLength: 1e6 })
          for (const { offset, json } of page.messages) messages.push([offset, json])
        })
      }
      await attempt(async () => {
        await broker.append(room, { id: 'new', user: 'ann', nick: 'Ann', msg: '1' })
      })
    }
    await attempt(() => broker.close())
  })
  return error === undefined ? { rooms } : { rooms, error }
}
