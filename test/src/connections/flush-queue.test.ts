import t from 'tap'
import type { Flushable } from '../../../src/connections/connection.js'
import { PacedFlushQueue, TurnFlushQueue } from '../../../src/connections/flush-queue.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const nextTurn = () => new Promise(setImmediate)

t.test('what is quiet is flushed at once, what is busy once in every interval', async (t) => {
  const clock = new FakeClock()
  const turn = {
    add: (item: Flushable) => item.endTurn(),
    hold: () => {},
    release: () => {},
  }
  const queue = new PacedFlushQueue(turn, clock, 5)
  const flushes: [name: string, at: number][] = []
  /** Something that asks to be flushed when the first event comes, as a room does. */
  const item = (name: string) => {
    let events = 0
    const flush = () => {
      if (events > 0) flushes.push([name, clock.monotonic()])
      events = 0
    }
    const self = { flush, endTurn: flush }
    return () => {
      if (++events === 1) queue.add(self)
    }
  }
  const [busy, quiet] = [item('busy'), item('quiet')]

  quiet()
  for (let ms = 0; ms < 20; ms++) {
    busy()
    clock.advance(1)
  }
  clock.advance(10)
  t.equal(clock.pending, 0, 'no timer runs when nothing is busy')
  quiet()
  t.strictSame(flushes, [
    ['quiet', 0],
    ['busy', 0],
    ['busy', 5],
    ['busy', 10],
    ['busy', 15],
    ['busy', 20],
    ['quiet', 30],
  ])
})

t.test('what is held is flushed within 2 ms, what was released is not', async (t) => {
  const clock = new FakeClock()
  const queue = new TurnFlushQueue(clock)
  const flushes: [name: string, at: number][] = []
  const held = (name: string): Flushable => {
    const item = {
      endTurn: () => queue.hold(item),
      flush: () => void flushes.push([name, clock.monotonic()]),
    }
    queue.add(item)
    return item
  }
  held('first')
  const released = held('released')
  await nextTurn()
  clock.advance(0.5)
  held('second')
  await nextTurn()
  clock.advance(0.7)
  queue.release(released)
  clock.advance(10)
  t.strictSame(flushes, [
    ['first', 2],
    ['second', 2],
  ])
  t.equal(clock.pending, 0, 'no timer runs when nothing is held')
})

t.test('what is paced is not held on top of that', async (t) => {
  const clock = new FakeClock()
  const queue = new PacedFlushQueue(new TurnFlushQueue(clock), clock, 5)
  let flushed = 0
  queue.hold({ endTurn: () => {}, flush: () => void flushed++ })
  t.equal(flushed, 1)
})
