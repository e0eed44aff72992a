import t from 'tap'
import { charts } from '../../bench/suite/charts.js'
import { fillPage, resultsPage } from '../../bench/suite/markdown.js'
import { type Run, ratio } from '../../bench/suite/measurement.js'
import type { WorkResult } from '../../bench/suite/results.js'

/** A run that cost so many microseconds of CPU a frame. */
function run(peer: string, round: number, cpu: number): Run {
  const latencies = { p50: 1, p99: 2, max: 3 }
  const report = { frames: 1e6, seconds: 1, serverCpu: cpu, generatorCpu: 0.5, rssKb: 2048 }
  return { peer, round, report: { ...report, ...latencies, faults: { gaps: 0 } } }
}

/** The second round was disturbed: everything cost ten times as much. */
const runs = [
  ...[run('parley', 1, 1), run('bun', 1, 2)],
  ...[run('parley', 2, 10), run('bun', 2, 20)],
  ...[run('parley', 3, 1.2), run('bun', 3, 2)],
]
const fanout: WorkResult = {
  name: 'fanout',
  machine: 'a machine',
  cases: [1, 2].map((n) => ({ label: `case ${n}`, load: { work: 'chat', members: n }, runs })),
}

t.test('a ratio is that inside the rounds, whatever disturbs one of them', async (t) => {
  t.equal(ratio(runs, 'parley', 'bun'), 0.5)
  t.ok(Number.isNaN(ratio(runs, 'parley', 'socketio')), 'none with whom was not measured')
})

t.test('the results are a page with every work, its machine and its figures', async (t) => {
  const page = resultsPage([fanout])
  t.match(page, '## One sender, many members')
  t.match(page, '_a machine_')
  t.match(page, /\| Parley \| 1\.20 \| 0\.50 \|/)
})

t.test('tables go into the places that a page has for them, and nowhere else', async (t) => {
  const page =
    'a\n<!-- fanout -->\nold\n<!-- /fanout -->\nb\n<!-- log -->\nkept\n<!-- /log -->\nc\n'
  const filled = fillPage(page, [fanout])
  t.notMatch(filled, 'old')
  t.match(filled, /^a\n<!-- fanout -->\n_a machine_\n\n\| case 1 /)
  t.match(filled, /<!-- \/fanout -->\nb\n<!-- log -->\nkept\n<!-- \/log -->\nc\n$/)
  t.equal(fillPage(filled, [fanout]), filled, 'again, the same')
})

t.test('charts show the works that were measured, each panel its own case', async (t) => {
  const cases = [200, 1000].map((members) => ({
    label: `1 → ${members}`,
    load: { work: 'chat' as const, members, in_flight: 8 },
    runs: [run('parley', 1, members), run('bun', 1, members * 2)],
  }))
  const [[name, svg] = ['', '']] = charts([{ ...fanout, cases }])
  t.equal(name, 'cost')
  t.match(svg, />Parley</)
  t.match(svg, 'prefers-color-scheme:dark')
  t.match(svg, />1 → 1,000 members, 8 in flight</)
  t.match(svg, />1,?000</)
  t.notMatch(svg, />200</)
  t.same(charts([{ ...fanout, cases: cases.slice(0, 1) }]), [], 'another case is not shown for it')
})
