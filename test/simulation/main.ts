import { parseArgs } from 'node:util'
import { explain } from '../chaos/explain.js'
import { simulate } from './simulate.js'

/**
 * `npm run simulate -- --seed N --runs M`: M schedules from seed N on; prints what broke and how,
 * and how fast it went. Ends with 1 when something broke.
 */
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, runs: { type: 'string', default: '1000' } },
})
const first = Number(values.seed)
const runs = Number(values.runs)
const totals = { schedules: runs, steps: 0, events: 0, faults: 0, broken: 0 }
const start = performance.now()

for (let seed = first; seed < first + runs; seed++) {
  const { violations, problems, history, steps, faults } = await simulate(seed)
  totals.steps += steps
  totals.events += history.length
  for (const count of Object.values(faults)) totals.faults += count
  await new Promise(setImmediate)
  if (violations.length + problems.length === 0) continue
  totals.broken++
  const told = [...problems, ...violations.flatMap((violation) => explain(violation, history))]
  process.stdout.write(`seed ${seed}\n${told.join('\n')}\n`)
}

const minutes = (performance.now() - start) / 60_000
const { user, system } = process.cpuUsage()
const perMinute = Math.round(runs / minutes)
const perCpuMinute = Math.round((runs * 60e6) / (user + system))
process.stdout.write(`${JSON.stringify({ ...totals, perMinute, perCpuMinute })}\n`)
process.exitCode = totals.broken > 0 ? 1 : 0
