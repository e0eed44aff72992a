import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MUTATIONS, type Mutation } from './mutations.js'

/**
 * `npm run mutations`: breaks a copy of the compiled code in one place at a time and sees whether
 * the simulation or the chaos finds it. Ends with 1 when something is not found.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    /** How long each finder may look, seconds. */
    patience: { type: 'string', default: '60' },
  },
})

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SCHEDULES_AT_ONCE = 40
const CHAOS_SECONDS = 15

interface Finding {
  readonly by: string
  readonly seconds: number
  /** The first line that says what is wrong. */
  readonly what: string
}

const folder = mkdtempSync(join(tmpdir(), 'parley-mutations-'))
let missed = 0
try {
  for (const name of ['build', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  console.log('| broken on purpose | found by | seconds | as |\n| --- | --- | --- | --- |')
  for (const mutation of MUTATIONS.filter(({ name }) => name.includes(values.only))) {
    const restore = apply(mutation)
    const finding = await find(mutation)
    restore()
    if (!finding) missed++
    const { by = 'NOTHING', seconds = 0, what = '' } = finding ?? {}
    console.log(`| ${mutation.name} | ${by} | ${seconds.toFixed(1)} | ${what} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = missed > 0 ? 1 : 0

/** Makes the edits. Returns what takes them back. */
function apply({ name, edits }: Mutation): () => void {
  const before = new Map<string, string>()
  for (const { file, from, to } of edits) {
    const path = join(folder, 'build', file)
    const code = readFileSync(path, 'utf8')
    if (!before.has(path)) before.set(path, code)
    if (code.split(from).length !== 2) throw new Error(`"${name}" is out of date: ${file} ${from}`)
    writeFileSync(
      path,
      code.replace(from, () => to),
    )
  }
  return () => {
    for (const [path, code] of before) writeFileSync(path, code)
  }
}

async function find({ finder }: Mutation): Promise<Finding | undefined> {
  const first = finder === 'simulation' ? simulate : disturb
  const second = finder === 'simulation' ? disturb : simulate
  return (await first()) ?? (await second())
}

async function simulate(): Promise<Finding | undefined> {
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  for (let seed = 1; elapsed() < Number(values.patience); seed += SCHEDULES_AT_ONCE) {
    const args = ['--seed', `${seed}`, '--runs', `${SCHEDULES_AT_ONCE}`]
    const { code, output } = await node('build/test/simulation/main.js', args)
    if (code !== 0)
      return { by: `simulation, ${seedOf(output)}`, seconds: elapsed(), what: firstProblem(output) }
  }
  return undefined
}

async function disturb(): Promise<Finding | undefined> {
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  for (let seed = 1; elapsed() < Number(values.patience); seed++) {
    const args = ['--seed', `${seed}`, '--seconds', `${CHAOS_SECONDS}`, '--browser', 'none']
    const { code, output } = await node('build/test/chaos/main.js', args)
    if (code !== 0)
      return { by: `chaos, seed ${seed}`, seconds: elapsed(), what: firstProblem(output) }
  }
  return undefined
}

function node(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data
    })
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? 1, output })))
}

/** The first schedule that broke something. */
function seedOf(output: string): string {
  return /^seed \d+/m.exec(output)?.[0] ?? 'before the first schedule'
}

/** What the run says first of what is wrong. */
function firstProblem(output: string): string {
  const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('seed '))
  return (lines[0] ?? '').replaceAll('|', '/').slice(0, 100)
}
