import { existsSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { CHROMIUM } from './chaos-client.js'
import { report, summary } from './outcome.js'
import { run } from './run.js'
import { BROKER_KINDS, createSchedule, FAULT_KINDS, faultsOf } from './schedule.js'

// Faults take their time; the bound is for machines that are busy with other things.
t.setTimeout(240_000)

/** Seconds of faults in one run; `npm run chaos` and the nightly run take longer. */
const SECONDS = 10
const FIXED_SEED = 20

const needsChromium =
  existsSync(CHROMIUM) || process.env.REQUIRE_SERVICES === '1' ? false : `no ${CHROMIUM}`

async function keepsEveryPromise(t: Test, seed: number, browser: boolean): Promise<void> {
  const outcome = await run({ seed, seconds: SECONDS, browser })
  t.comment(summary(outcome))
  t.same(outcome.violations, [], report(outcome))
  t.ok(outcome.counts.acknowledged > 0 && outcome.counts.delivered > 0, 'there was traffic')
  t.ok(Object.keys(outcome.faults).length > 0, 'there were faults')
  if (outcome.violations.length === 0) rmSync(outcome.folder, { recursive: true, force: true })
}

t.test('a seed determines every fault, and all kinds of faults come up', async (t) => {
  t.same(createSchedule(7, 30), createSchedule(7, 30))
  t.notSame(createSchedule(7, 30), createSchedule(8, 30))
  const all = new Set<string>()
  for (const broker of BROKER_KINDS) {
    const kinds = new Set(createSchedule(1, 900, broker).map(({ kind }) => kind))
    t.same([...kinds].sort(), Object.keys(faultsOf(broker)).sort(), broker)
    for (const kind of kinds) all.add(kind)
  }
  t.same([...all].sort(), [...FAULT_KINDS].sort())
})

t.test(
  'a known schedule breaks no promise, with clients in Chromium',
  {
    skip: needsChromium,
  },
  (t) => keepsEveryPromise(t, FIXED_SEED, true),
)

t.test('a schedule that never was before breaks no promise', (t) =>
  keepsEveryPromise(t, Math.floor(Math.random() * 1e9), false),
)
