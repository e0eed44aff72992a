import t, { type Test } from 'tap'
import type { Batch } from '../../../src/connections/batch.js'
import type { Connection } from '../../../src/connections/connection.js'
import { TurnFlushQueue } from '../../../src/connections/flush-queue.js'
import { Room } from '../../../src/rooms/room.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const nextTurn = () => new Promise(setImmediate)

t.test('a room waits for nothing when it has much to send', async (t) => {
  const room = new Room('r', { add: () => {}, hold: () => {}, release: () => {} }, () => {})
  room.start({ epoch: 'e', offset: 0 })
  const sizes: number[] = []
  const member = { deliver: ({ events }: Batch) => sizes.push(events.length) }
  room.admit(member as unknown as Connection)
  for (let n = 0; n < 10; n++) room.event('x'.repeat(20_000))
  t.strictSame(sizes, [4, 4])
  room.flush()
  t.strictSame(sizes, [4, 4, 2])
})

/** A room with one member, and what the member got in each write. */
function roomWithMember() {
  const clock = new FakeClock()
  const room = new Room('r', new TurnFlushQueue(clock), () => {})
  room.start({ epoch: 'e', offset: 0 })
  const writes: string[] = []
  const member = { open: true, deliver: ({ events }: Batch) => writes.push(events.join()) }
  const connection = member as unknown as Connection
  room.admit(connection)
  let offset = 0
  const message = () => {
    offset++
    room.message('e', { offset, time: 1, json: `m${offset}` })
  }
  return { clock, room, writes, message, member, connection }
}

/** What a room does with a message while another one is under way. */
async function held(t: Test) {
  const all = roomWithMember()
  all.room.expect()
  all.message()
  await nextTurn()
  t.strictSame(all.writes, [], 'the first one waits for the second')
  t.ok(all.room.held)
  return all
}

t.test('what comes in while nothing is under way leaves with the turn', async (t) => {
  const { room, writes, message } = roomWithMember()
  room.expect()
  message()
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1'])
  t.notOk(room.held)
})

t.test('a message waits for the one that is under way, and leaves with it', async (t) => {
  const { room, writes, message, clock } = await held(t)
  message()
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1,m2'])
  t.notOk(room.held)
  clock.advance(10)
  t.equal(clock.pending, 0)
})

t.test('it waits once, however many are under way', async (t) => {
  const { room, writes, message } = await held(t)
  room.expect()
  message()
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1,m2'])
  message()
  await nextTurn()
  t.strictSame(writes, ['m1,m2'], 'the third one is the first of its own write')
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1,m2', 'm3'])
})

t.test('it waits for no append that failed, or was there before', async (t) => {
  const { room, writes } = await held(t)
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1'])
})

t.test('a log that takes its time holds nothing back for long', async (t) => {
  const { writes, clock } = await held(t)
  clock.advance(2)
  t.strictSame(writes, ['m1'])
})

t.test('what is not in the log joins what is held, and does not end it', async (t) => {
  const { room, writes, message } = await held(t)
  room.event('joined')
  await nextTurn()
  t.strictSame(writes, [])
  message()
  await nextTurn()
  t.strictSame(writes, ['m1,joined,m2'])
})

t.test('who leaves gets what was held back; who is gone ends no wait', async (t) => {
  const { room, writes, connection, member } = await held(t)
  member.open = false
  room.dismiss({ open: false } as unknown as Connection)
  t.ok(room.held)
  member.open = true
  room.dismiss(connection)
  t.strictSame(writes, ['m1'])
  t.equal(room.members.size, 0)
})

t.test('who comes gets nothing that was held back for others', async (t) => {
  const { room, writes, message } = await held(t)
  const late: string[] = []
  const newcomer = { open: true, deliver: ({ events }: Batch) => late.push(events.join()) }
  room.admit(newcomer as unknown as Connection)
  t.strictSame(writes, ['m1'])
  message()
  room.settled()
  await nextTurn()
  t.strictSame(late, ['m2'])
})

t.test('a reset comes after what was held back', async (t) => {
  const { room, writes } = await held(t)
  room.reset({ epoch: 'f', offset: 0 })
  room.settled()
  await nextTurn()
  t.strictSame(writes, ['m1', '{"event":"reset","room":"r","epoch":"f","offset":0}'])
})
