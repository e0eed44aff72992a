import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Outcome, report, summary, table } from './outcome.js'
import { run } from './run.js'
import { BROKER_KINDS, type BrokerKind } from './schedule.js'

/**
 * `npm run chaos -- --seed 7 --seconds 30`, or many: `--seeds 1-200 --jobs 4`; the service has two
 * processes with `--broker workers`, two nodes with `--broker redis`. Ends with 1 when a promise was
 * broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    broker: { type: 'string', default: 'embedded' },
    jobs: { type: 'string', default: '1' },
    browser: { type: 'string', default: 'some' },
    server: { type: 'string' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const broker = brokerOf(values.broker)

/** How much longer than its faults a run may take, seconds; a busy machine is slow. */
const PATIENCE = 1800

const seconds = Number(values.seconds)
const seeds = seedsOf(values.seeds ?? values.seed ?? String(Math.floor(Math.random() * 1e9)))

if (seeds.length === 1) await runOne(seeds[0] as number)
else await runMany()

function brokerOf(text: string): BrokerKind {
  const broker = BROKER_KINDS.find((kind) => kind === text)
  if (broker === undefined) throw new Error(`--broker: there is no harness for ${text}`)
  return broker
}

function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number) as [number, number?]
    if (!Number.isInteger(from) || !Number.isInteger(to)) throw new Error(`--seeds: ${text}`)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

async function runOne(seed: number): Promise<void> {
  // Chromium is dear: it takes part in every fifth run.
  const browser = values.browser === 'all' || (values.browser === 'some' && seed % 5 === 0)
  const script = values.server && { serverScript: values.server }
  const outcome = await run({ seed, seconds, browser, broker, ...script })
  if (outcome.violations.length === 0 && !values.keep)
    rmSync(outcome.folder, { recursive: true, force: true })
  const text = values.json
    ? JSON.stringify(outcome)
    : [summary(outcome), report(outcome), table([outcome])].join('\n')
  // A pipe takes a long text bit by bit.
  await new Promise((written) => process.stdout.write(`${text}\n`, written))
  process.exit(outcome.violations.length === 0 ? 0 : 1)
}

async function runMany(): Promise<void> {
  const outcomes: Outcome[] = []
  let broken = 0
  const queue = [...seeds]
  process.on('SIGTERM', () => queue.splice(0))
  const job = async () => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      const outcome = await runApart(seed)
      if (typeof outcome === 'string') {
        broken++
        console.log(`seed ${seed}: the harness failed: ${outcome}`)
        continue
      }
      outcomes.push(outcome)
      if (outcome.violations.length > 0) broken++
      console.log([summary(outcome), report(outcome)].filter(Boolean).join('\n'))
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, job))
  console.log(table(outcomes))
  process.exit(broken === 0 ? 0 : 1)
}

/** Runs one seed in a process of its own. Returns what it wrote to stderr when that fails. */
function runApart(seed: number): Promise<Outcome | string> {
  const script = new URL(import.meta.url).pathname
  const passed = [
    '--broker',
    values.broker,
    '--seconds',
    values.seconds,
    '--browser',
    values.browser,
  ]
  if (values.server) passed.push('--server', values.server)
  const child = spawn(process.execPath, [script, '--seed', `${seed}`, '--json', ...passed], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const stop = () => child.kill('SIGTERM')
  const timer = setTimeout(stop, (seconds + PATIENCE) * 1000)
  process.on('SIGTERM', stop)
  return new Promise((resolve) => {
    child.on('close', () => {
      clearTimeout(timer)
      process.off('SIGTERM', stop)
      resolve(out.trim() ? JSON.parse(out) : err || 'it was stopped')
    })
  })
}
