import fc from 'fast-check'
import t from 'tap'
import { createClient } from '../../client/index.js'
import { FakeServer } from './support/fake-server.js'
import { Observer } from './support/observer.js'
import { anyStep } from './support/storm.js'
import { settle, VirtualClock } from './support/virtual-clock.js'

const { FUZZ_RUNS = '100', FUZZ_SEED: SEED } = process.env
const RUNS = Number(FUZZ_RUNS)

t.setTimeout(60_000 + RUNS * 1000)

/** Codes that a send may fail with in a storm: those the server gave for good, and leaving. */
const PERMANENT = new Set(['FORBIDDEN', 'BAD_FIELD', 'INTERNAL', 'LEFT'])

const storm = fc.record({
  steps: fc.array(anyStep, { maxLength: 60, size: 'max' }),
  seed: fc.integer({ min: 1, max: 1e9 }),
  latency: fc.constantFrom(1, 40, 400),
  pageSize: fc.constantFrom(2, 1000),
  overlap: fc.constantFrom(0, 3),
  tokenLifetime: fc.constantFrom(5000, 90_000, 3_600_000),
})

/** A linear congruential generator: jitter that a failing run can be repeated with. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

t.test(
  'whatever the network does, each room’s messages are the log, and each send is stored once',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(storm, async ({ steps, seed, tokenLifetime, ...traits }) => {
        const clock = new VirtualClock(generator(seed))
        const server = new FakeServer(clock)
        Object.assign(server, traits)
        server.expiryOf = (token) => Number(token.split('.')[1])
        const own = clock.view()
        const client = createClient<string>({
          url: 'ws://127.0.0.1/chat',
          getToken: () => `t.${clock.now() + tokenLifetime}.s`,
          WebSocket: server.WebSocket,
          clock: own,
          // It would leave the network that is made up here for a real one.
          fallback: false,
        })
        const rooms = [
          new Observer(client, 'a', server),
          new Observer(client, 'b', server),
        ] as const
        for (const { room } of rooms) void room.join()
        for (const step of steps) await step.run({ clock, server, client, rooms })

        server.door = 'open'
        server.refusals = []
        server.tamper = (frame) => [frame]
        // Nothing helps the client now but time, and a message that shows what it missed.
        await clock.advance(600_000)
        for (const { room } of rooms) server.publish(room.name, 'the end')
        await clock.advance(60_000)
        const problems = rooms.flatMap((room) => room.finish(PERMANENT))
        if (client.state !== 'connected') problems.push(`the client is ${client.state}`)
        client.close()
        await settle()
        if (own.pending > 0) problems.push(`${own.pending} timers are left`)
        if (server.live.length > 0) problems.push('a socket is left open')
        if (problems.length > 0) throw new Error(problems.join('\n'))
      }),
      { numRuns: RUNS, ...(SEED && { seed: Number(SEED) }) },
    )
    t.pass(`${RUNS} storms`)
  },
)
