import t from 'tap'
import { StallGuard } from '../../../../src/broker/embedded/stall-guard.js'

/** A guard and what happens to it, in milliseconds of a clock that a test moves. */
function guarded() {
  let now = 50
  const guard = new StallGuard(() => now)
  const wait = (milliseconds: number) => {
    now += milliseconds
  }
  const take = (milliseconds: number) => guard.run(() => wait(milliseconds))
  return { guard, take, wait }
}

t.test('is open while what it guards is quick', async (t) => {
  const { guard, take } = guarded()
  for (let n = 0; n < 100; n++) {
    t.ok(guard.open)
    take(n % 6)
  }
})

t.test('is closed for a while after a stall, and longer after the next ones', async (t) => {
  const { guard, take, wait } = guarded()
  const closedFor: number[] = []
  for (let n = 0; n < 12; n++) {
    take(6)
    let seconds = 0
    for (; !guard.open; seconds++) wait(1000)
    closedFor.push(seconds)
  }
  t.strictSame(closedFor, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
  wait(300_001)
  take(6)
  wait(1000)
  t.ok(guard.open, 'and briefly again once it was quick for long')
})

t.test('passes an error on, and sees how long that took', async (t) => {
  const { guard, wait } = guarded()
  const fail = (milliseconds: number) => () => {
    wait(milliseconds)
    throw new Error('no space')
  }
  t.throws(() => guard.run(fail(0)), { message: 'no space' })
  t.ok(guard.open)
  t.throws(() => guard.run(fail(100)), { message: 'no space' })
  t.notOk(guard.open)
})
