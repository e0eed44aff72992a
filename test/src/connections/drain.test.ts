import t from 'tap'
import type { Connection } from '../../../src/connections/connection.js'
import { drainConnections } from '../../../src/connections/drain.js'
import type { ConnectionRegistry } from '../../../src/connections/registry.js'
import { FakeClock } from '../../helpers/fake-clock.js'

/** A registry of connections that close when told to, unless they are stubborn. */
function lab(count: number, stubborn = 0) {
  const clock = new FakeClock()
  let seed = 1
  clock.random = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const registry = new Set<Connection>()
  const hints: number[] = []
  const closedAt: number[] = []
  const terminatedAt: number[] = []
  const add = (ignores: boolean) => {
    const connection = {
      endpoint: 'chat',
      open: true,
      send: (event: string) => void hints.push(JSON.parse(event).reconnect_after),
      close(code: number) {
        if (!connection.open) return
        t.equal(code, 1012)
        connection.open = false
        closedAt.push(clock.monotonic())
        if (!ignores) registry.delete(connection as unknown as Connection)
      },
      transport: {
        terminate() {
          terminatedAt.push(clock.monotonic())
          registry.delete(connection as unknown as Connection)
        },
      },
    }
    registry.add(connection as unknown as Connection)
  }
  for (let n = 0; n < count; n++) add(n < stubborn)
  const drain = (over: number) =>
    drainConnections(registry as unknown as ConnectionRegistry, clock, over, 2000)
  return { clock, registry, hints, closedAt, terminatedAt, add, drain }
}

t.test('connections are closed evenly over the time, with hints spread over it', async (t) => {
  const { clock, hints, closedAt, drain } = lab(1000)
  const drained = drain(10_000)
  t.equal(hints.length, 1000)
  t.ok(hints.every((hint) => hint >= 0 && hint < 10_000))
  for (let second = 0; second < 10; second++) {
    const here = hints.filter((hint) => Math.floor(hint / 1000) === second).length
    t.ok(here > 60 && here < 140, `${here} of 1000 hints in second ${second}`)
  }
  for (let second = 1; second <= 10; second++) {
    const before = closedAt.length
    clock.advance(1000)
    t.ok(closedAt.length - before <= 110, `${closedAt.length - before} in second ${second}`)
  }
  await drained
  t.equal(closedAt.length, 1000)
  t.equal(clock.pending, 0)
})

t.test('who ignores the close is dropped at the deadline', async (t) => {
  const { clock, terminatedAt, drain } = lab(10, 3)
  const drained = drain(1000)
  clock.advance(2900)
  t.same(terminatedAt, [])
  clock.advance(100)
  t.same(terminatedAt, [3000, 3000, 3000])
  clock.advance(100)
  await drained
})

t.test('who came in meanwhile is sent away too', async (t) => {
  const { clock, registry, add, drain } = lab(10)
  const drained = drain(1000)
  clock.advance(500)
  add(false)
  clock.advance(600)
  t.equal(registry.size, 0)
  await drained
})

t.test('without time everyone is closed at once; without anyone it is done', async (t) => {
  const { closedAt, drain } = lab(5)
  await drain(0)
  t.same(closedAt, [0, 0, 0, 0, 0])
  await lab(0).drain(10_000)
})
