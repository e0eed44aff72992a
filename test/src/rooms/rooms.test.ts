import t from 'tap'
import type { Appended, Broker } from '../../../src/broker/broker.js'
import { TurnFlushQueue } from '../../../src/connections/flush-queue.js'
import { Rooms } from '../../../src/rooms/rooms.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const POSITION = { epoch: 'e', offset: 0 }
const MESSAGE = { id: 'm', user: 'ann', nick: 'Ann', msg: '1' }
const nextTurn = () => new Promise(setImmediate)

for (const outcome of ['resolves', 'rejects'] as const) {
  t.test(`a room waits for an append until that ${outcome}`, async (t) => {
    let end = (): void => {}
    const appended: Appended = { ...POSITION, time: 1, duplicate: true }
    const broker = {
      subscribe: async () => POSITION,
      append: () =>
        new Promise((resolve, reject) => {
          end = () => (outcome === 'resolves' ? resolve(appended) : reject(new Error('full')))
        }),
    } as unknown as Broker
    const rooms = new Rooms(broker, new TurnFlushQueue(new FakeClock()))
    const room = await rooms.acquire('r')
    const writes: number[] = []
    room.admit({ open: true, deliver: () => writes.push(1) } as never)

    const appending = rooms.append('r', MESSAGE, (place) => place)
    room.event('something')
    await nextTurn()
    t.ok(room.held)
    end()
    if (outcome === 'resolves') t.equal(await appending, appended)
    else await t.rejects(appending, /full/)
    await nextTurn()
    t.notOk(room.held)
    t.strictSame(writes, [1])
    room.event('something else')
    await nextTurn()
    t.strictSame(writes, [1, 1], 'nothing is under way any more')
  })
}

t.test('a room without members here is written to like any other', async (t) => {
  const appended: Appended = { ...POSITION, time: 1, duplicate: false }
  const broker = { append: async () => appended } as unknown as Broker
  const rooms = new Rooms(broker, new TurnFlushQueue(new FakeClock()))
  t.equal(await rooms.append('r', MESSAGE, (place) => place.offset), POSITION.offset)
  t.equal(rooms.size, 0)
})
