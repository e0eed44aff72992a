import t from 'tap'
import { labelOf, type Node, totalOf } from '../../web/model/nodes.js'
import { quantileBetween } from '../../web/model/quantile.js'
import { Readings, type Stats } from '../../web/model/readings.js'

const bounds = [1, 5, 10]

t.test('a quantile is the bound of the bucket that it falls into', async (t) => {
  const before = [5, 5, 5, 5]
  t.equal(quantileBetween(before, [5, 5, 5, 5], bounds, 0.5), undefined)
  t.equal(quantileBetween(before, [103, 5, 7, 5], bounds, 0.5), 1)
  t.equal(quantileBetween(before, [103, 5, 7, 5], bounds, 0.99), 10)
  t.equal(quantileBetween(before, [5, 5, 5, 6], bounds, 0.5), Number.POSITIVE_INFINITY)
})

function statsAt(time: number, received: number): Stats {
  const zero = { connections: 3, users: 2, rooms: 1, bytes_in: 0, bytes_out: 0, buffered: 0 }
  const latencies = { append: [received, 0, 0, 0], delivery: [0, 0, 0, 0] }
  return { ...zero, ...latencies, time, received, sent: 0, refused: 0, draining: false, bounds }
}

t.test('readings are rates between counters', async (t) => {
  const readings = new Readings()
  readings.add(statsAt(1000, 10))
  t.same(readings.all, [], 'one reading is no rate')
  readings.add(statsAt(3000, 30))
  t.match(readings.all, [{ time: 3000, received: 10, connections: 3, appendMedian: 1 }])
  t.equal(readings.all[0]?.deliverySlow, undefined)
})

t.test('readings begin anew with a new process, and are no more than 300', async (t) => {
  const readings = new Readings()
  for (let n = 0; n < 400; n++) readings.add(statsAt(n * 1000, n))
  t.equal(readings.all.length, 300)
  readings.add(statsAt(500_000, 0))
  t.same(readings.all, [])
})

t.test('the counters of all nodes are added up', async (t) => {
  const node = (name: string, time: number, draining: boolean): Node => {
    const { bounds: _, ...stats } = statsAt(time, 10)
    return { ...stats, node: name, instance: '', version: '1', since: 0, ok: true, draining }
  }
  const nodes = [node('a', 1000, true), node('b', 2000, false)]
  t.match(totalOf({ this: 'a', bounds, nodes }), {
    time: 2000,
    connections: 6,
    received: 20,
    append: [20, 0, 0, 0],
    draining: false,
  })
  t.equal(labelOf({ instance: 'host:1', node: 'a' }), 'host:1')
  t.equal(labelOf({ instance: '', node: 'a' }), 'a')
})
