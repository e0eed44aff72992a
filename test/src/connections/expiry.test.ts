import t from 'tap'
import type { Identity } from '../../../src/auth/identity.js'
import type { Connection } from '../../../src/connections/connection.js'
import { ExpirySweep } from '../../../src/connections/expiry.js'
import { FakeClock } from '../../helpers/fake-clock.js'

/** What the sweep sees of a connection, keeping what is done to it. */
function connectionWith(expires: number, endpoint: 'chat' | 'echo' = 'chat') {
  const done: string[] = []
  const connection = {
    endpoint,
    open: true,
    announcedExpiry: 0,
    identity: { expires } as Identity,
    send: (event: string) => void done.push(event),
    close(code: number, reason: string) {
      connection.open = false
      done.push(`${code} ${reason}`)
    },
  }
  return { connection: connection as unknown as Connection, done }
}

const closing = '{"event":"closing","code":4001,"reason":"Token expired","reconnect_after":0}'

t.test('a connection is told once, and closed when its token expires', async (t) => {
  const clock = new FakeClock()
  const { connection, done } = connectionWith(clock.now() + 31_000)
  const sweep = new ExpirySweep([connection], clock)
  sweep.start()
  clock.advance(999)
  t.same(done, [])
  clock.advance(10_000)
  t.same(done, [closing])
  clock.advance(21_000)
  t.same(done, [closing, '4001 Token expired'])
  sweep.stop()
  t.equal(clock.pending, 0)
})

t.test('a renewed token moves the end, and is announced anew', async (t) => {
  const clock = new FakeClock()
  const { connection, done } = connectionWith(clock.now() + 10_000)
  const sweep = new ExpirySweep([connection], clock)
  sweep.sweep()
  connection.identity = { ...connection.identity, expires: clock.now() + 100_000 }
  clock.advance(60_000)
  sweep.sweep()
  t.same(done, [closing])
  clock.advance(20_000)
  sweep.sweep()
  sweep.sweep()
  t.same(done, [closing, closing])
})

t.test('an echo connection is closed without an event that it would not know', async (t) => {
  const clock = new FakeClock()
  const { connection, done } = connectionWith(clock.now() + 1000, 'echo')
  const sweep = new ExpirySweep([connection], clock)
  sweep.sweep()
  clock.advance(1000)
  sweep.sweep()
  t.same(done, ['4001 Token expired'])
})
