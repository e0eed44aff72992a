import t from 'tap'
import { Restarts } from '../../../src/cluster/restarts.js'
import { mergeMetrics } from '../../../src/stats/merge-metrics.js'

t.test(
  'a worker is replaced at once, later when it keeps ending, and at last not any more',
  async (t) => {
    const restarts = new Restarts()
    t.equal(restarts.ended(60_000), 100)
    t.same(
      [1, 2, 3, 4, 5].map(() => restarts.ended(4999)),
      [200, 400, 800, 1600, undefined],
    )
  },
)

t.test('a long life makes up for short ones', async (t) => {
  const restarts = new Restarts()
  for (const _ of [1, 2, 3, 4]) restarts.ended(10)
  t.equal(restarts.ended(5000), 100)
  t.equal(restarts.ended(10), 200)
})

t.test('measurements of several processes are joined by metric', async (t) => {
  const one =
    '# HELP a What a is\n# TYPE a gauge\na{worker="1"} 1\n\n# HELP b B\n# TYPE b counter\nb{worker="1"} 2\n'
  const two =
    '# HELP b B\n# TYPE b counter\nb{worker="2"} 3\n\n# HELP c C\n# TYPE c histogram\nc_bucket{le="1",worker="2"} 0\nc_sum{worker="2"} 0\n'
  t.equal(
    mergeMetrics([one, two]),
    [
      '# HELP a What a is\n# TYPE a gauge\na{worker="1"} 1\n',
      '# HELP b B\n# TYPE b counter\nb{worker="1"} 2\nb{worker="2"} 3\n',
      '# HELP c C\n# TYPE c histogram\nc_bucket{le="1",worker="2"} 0\nc_sum{worker="2"} 0\n',
    ].join('\n'),
  )
  t.equal(mergeMetrics([]), '')
})
