import t from 'tap'
import { Batch } from '../../../src/connections/batch.js'
import { Connection } from '../../../src/connections/connection.js'
import { TurnFlushQueue } from '../../../src/connections/flush-queue.js'
import type { RateLimit } from '../../../src/connections/rate-limit.js'
import type { Transport } from '../../../src/connections/transport.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const nextTurn = () => new Promise(setImmediate)

/** A connection, and what was written to its client, write by write. */
function connect() {
  const clock = new FakeClock()
  const writes: string[] = []
  const transport = {
    buffered: 0,
    write: ({ events }: Batch) => writes.push(events.join()) > 0,
    writeBoth: (a: Batch, b: Batch) => writes.push([...a.events, ...b.events].join()) > 0,
    close: (code: number) => writes.push(String(code)),
  } as unknown as Transport
  const info = { id: 'c', endpoint: 'chat', identity: {}, address: '', since: 0 } as never
  const connection = new Connection(info, {
    transport,
    flushQueue: new TurnFlushQueue(clock),
    rateLimit: {} as RateLimit,
    maxBufferedBytes: 1000,
  })
  return { clock, connection, writes }
}

t.test('a reply leaves in one write with what its room holds back', async (t) => {
  const { connection, writes, clock } = connect()
  const room = { held: true }
  connection.sendAlong('ok1', room)
  await nextTurn()
  connection.sendAlong('ok2', room)
  await nextTurn()
  t.strictSame(writes, [], 'it waits')
  connection.deliver(new Batch(['m1', 'm2']))
  t.strictSame(writes, ['ok1,ok2,m1,m2'])
  clock.advance(10)
  await nextTurn()
  t.strictSame(writes.length, 1)
  t.equal(clock.pending, 0)
})

t.test('a reply waits for no room that holds nothing back', async (t) => {
  const { connection, writes } = connect()
  connection.sendAlong('ok', { held: false })
  connection.sendAlong('ok', undefined)
  await nextTurn()
  t.strictSame(writes, ['ok,ok'])
})

t.test('a reply waits not longer than its room may', async (t) => {
  const { connection, writes, clock } = connect()
  connection.sendAlong('ok', { held: true })
  await nextTurn()
  clock.advance(2)
  t.strictSame(writes, ['ok'])
})

t.test('what may not wait takes along what does', async (t) => {
  const { connection, writes } = connect()
  const room = { held: true }
  connection.sendAlong('ok1', room)
  connection.send('pong')
  await nextTurn()
  t.strictSame(writes, ['ok1,pong'], 'in the same turn')
  connection.sendAlong('ok2', room)
  await nextTurn()
  connection.send('pong')
  await nextTurn()
  t.strictSame(writes, ['ok1,pong', 'ok2,pong'], 'and in a later one')
  connection.sendAlong('ok3', room)
  connection.sendAlong('ok4', { held: true })
  await nextTurn()
  t.strictSame(writes.slice(2), ['ok3,ok4'], 'two rooms are one too many')
})

t.test('a close comes after the replies that wait', async (t) => {
  const { connection, writes } = connect()
  connection.sendAlong('ok', { held: true })
  await nextTurn()
  connection.close(1001, 'Going away')
  connection.sendAlong('late', undefined)
  await nextTurn()
  t.strictSame(writes, ['ok', '1001'])
})
