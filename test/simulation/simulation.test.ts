import t from 'tap'
import { explain } from '../chaos/explain.js'
import { type Outcome, simulate } from './simulate.js'

// CPU time, and little of it: the bound is for machines that are busy with other things.
t.setTimeout(200_000)

/** Schedules that are the same in every run of this test, and ones that are new each time. */
const FIXED = 300
const FRESH = 100

function passes(outcome: Outcome): boolean {
  const { seed, violations, problems, history } = outcome
  const told = [...problems, ...violations.flatMap((violation) => explain(violation, history))]
  for (const line of told) t.comment(line)
  if (told.length > 0) t.fail(`npm run simulate -- --seed ${seed} --runs 1`)
  return told.length === 0
}

t.test('a seed determines everything that happens', async (t) => {
  const [once, twice] = [await simulate(7), await simulate(7)]
  t.ok(once.history.length > 100)
  t.same(once.history, twice.history)
  t.same(once.logs, twice.logs)
})

t.test('no schedule of work and faults breaks a promise', async (t) => {
  const first = 1 + Math.floor(Math.random() * 2 ** 31)
  const seeds = [
    ...Array.from({ length: FIXED }, (_, i) => i + 1),
    ...Array.from({ length: FRESH }, (_, i) => first + i),
  ]
  let kept = 0
  const faults = new Set<string>()
  for (const seed of seeds) {
    const outcome = await simulate(seed)
    if (passes(outcome)) kept++
    for (const fault of Object.keys(outcome.faults)) faults.add(fault)
    // The turn in which timers, signals and the reporter of this test get to run.
    await new Promise(setImmediate)
  }
  t.equal(kept, seeds.length)
  t.equal(faults.size, 8, 'every kind of fault happened')
})
