import t from 'tap'
import { type Broker, StoreUnavailable } from '../../../src/broker/broker.js'
import { TurnFlushQueue } from '../../../src/connections/flush-queue.js'
import { Memberships } from '../../../src/rooms/membership.js'
import { Rooms } from '../../../src/rooms/rooms.js'
import { FakeClock } from '../../helpers/fake-clock.js'

for (const [failure, told] of [
  [new StoreUnavailable('away'), 0],
  [new Error('a mistake'), 1],
] as const) {
  t.test(
    `who is gone while a leave fails with "${failure.message}" is told ${told} times`,
    async (t) => {
      const position = { epoch: 'e', offset: 0 }
      const broker = {
        subscribe: async () => position,
        unsubscribe: async () => {},
        enter: async () => ({ changed: true, count: 1 }),
        leave: async () => {
          throw failure
        },
        read: async () => ({ ...position, first: 1, messages: [], more: false }),
        members: async () => ({ members: [], count: 1, more: false }),
      } as unknown as Broker
      const rooms = new Rooms(broker, new TurnFlushQueue(new FakeClock()))
      const errors: unknown[] = []
      const memberships = new Memberships({
        broker,
        rooms,
        maxHeldBytes: 1000,
        maxPageLength: 1000,
        onError: (error) => errors.push(error),
      })
      const connection = {
        open: true,
        user: 'ann',
        identity: { nick: 'Ann' },
        rooms: new Map(),
        send() {},
        transport: {},
      } as never
      await memberships.join(connection, { action: 'join', id: '1', room: 'r' })
      t.equal(rooms.size, 1)
      memberships.leaveAll(connection)
      await new Promise(setImmediate)
      t.equal(rooms.size, 0)
      t.equal(errors.length, told)
    },
  )
}
