import t from 'tap'
import type { Connection, Pulse } from '../../../src/connections/connection.js'
import { Heartbeat } from '../../../src/connections/heartbeat.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const options = { interval: 10_000, idleTimeout: 100_000 }

/** What the sweep sees of a connection, keeping what is done to it. */
function connectionWith(clock: FakeClock) {
  const done: string[] = []
  const transport = {
    answersPings: true,
    bytesRead: 0,
    ping: () => void done.push(`ping ${clock.monotonic()}`),
  }
  const connection = {
    open: true,
    received: 0,
    pulse: undefined as Pulse | undefined,
    transport,
    close(code: number, reason: string) {
      connection.open = false
      done.push(`${code} ${reason} ${clock.monotonic()}`)
    },
  }
  return { connection: connection as unknown as Connection, state: connection, transport, done }
}

t.test(
  'the first ping comes in the second half of the interval, then one each interval',
  async (t) => {
    const clock = new FakeClock()
    const { connection, transport, done } = connectionWith(clock)
    const heartbeat = new Heartbeat([connection], options, clock)
    heartbeat.start()
    for (let second = 0; second < 30; second++) {
      transport.bytesRead++
      clock.advance(1000)
    }
    // The clock's random number is 0.5: three quarters of the interval after the first sweep.
    t.same(done, ['ping 9000', 'ping 19000', 'ping 29000'])
    heartbeat.stop()
    t.equal(clock.pending, 0)
  },
)

t.test(
  'a dead client is dropped within two intervals, one that sends anything is not',
  async (t) => {
    const clock = new FakeClock()
    const dead = connectionWith(clock)
    const alive = connectionWith(clock)
    const heartbeat = new Heartbeat([dead.connection, alive.connection], options, clock)
    heartbeat.start()
    for (let second = 0; second < 60; second++) {
      if (second % 15 === 0) alive.transport.bytesRead++
      clock.advance(1000)
    }
    const [drop] = dead.done.filter((what) => what.startsWith('4009'))
    t.match(drop, /^4009 Heartbeat lost \d+$/)
    t.ok(Number(drop?.split(' ').at(-1)) <= 1000 + 2 * options.interval)
    t.notOk(alive.done.some((what) => what.startsWith('4009')))
  },
)

t.test('pongs keep a connection alive but not from being idle; a message does', async (t) => {
  const clock = new FakeClock()
  const idle = connectionWith(clock)
  const active = connectionWith(clock)
  const heartbeat = new Heartbeat([idle.connection, active.connection], options, clock)
  heartbeat.start()
  for (let second = 0; second < 150; second++) {
    idle.transport.bytesRead++
    active.transport.bytesRead++
    if (second === 90) active.state.received++
    clock.advance(1000)
  }
  t.same(idle.done.at(-1), '1001 Idle timeout 101000')
  t.ok(active.state.open)
})

t.test('time in which the process stood still counts for nobody’s silence', async (t) => {
  const clock = new FakeClock()
  const { connection, state, transport } = connectionWith(clock)
  const heartbeat = new Heartbeat([connection], options, clock)
  heartbeat.sweep()
  transport.bytesRead++
  clock.advance(1000)
  heartbeat.sweep()
  clock.advance(60_000)
  heartbeat.sweep()
  t.ok(state.open, 'nobody could be heard')
  for (let second = 0; second < 25; second++) {
    clock.advance(1000)
    heartbeat.sweep()
  }
  t.notOk(state.open, 'silent since')
})

t.test('without interval and idle timeout there is no timer', async (t) => {
  const clock = new FakeClock()
  new Heartbeat([], { interval: 0, idleTimeout: 0 }, clock).start()
  t.equal(clock.pending, 0)
})
