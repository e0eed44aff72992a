import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { listen } from '../helpers/listening-app.js'
import { fuzz, readCorpus, toLine } from './fuzz.js'
import { targets } from './targets/index.js'
import { UNLIMITED } from './unlimited.js'

/**
 * `npm run fuzz -- --target codec --seconds 60 [--seed N]`: searches one target, or `all` in turn.
 * Findings go to `fuzz-findings/` and end it with 1; so do, with `--grow`, inputs for the corpus.
 */
const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'all' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    grow: { type: 'boolean', default: false },
  },
})
const names = values.target === 'all' ? Object.keys(targets) : [values.target]
const ends: (() => unknown)[] = []
const server = () => listen({ teardown: (end) => ends.push(end) }, UNLIMITED)
const say = (line: string) => process.stdout.write(`${line}\n`)

for (const name of names) {
  const open = targets[name]
  if (!open) throw new Error(`--target must be all or one of ${Object.keys(targets).join(', ')}`)
  const target = await open(server)
  const options = {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    executions: Number.POSITIVE_INFINITY,
  }
  const { findings, executions, blocks, discovered, corpus } = await fuzz(
    target,
    readCorpus(name),
    options,
  )
  await target.close?.()
  for (const [how, count] of target.notes?.() ?? []) say(`${name}: ${how}: ${count}`)
  for (const { input, error } of findings) {
    say(`${name}: ${error instanceof Error ? error.stack : error}\n  ${toLine(input)}`)
    process.exitCode = 1
  }
  if (findings.length > 0)
    keep(
      `${name}.txt`,
      findings.map(({ input }) => input),
    )
  if (values.grow && discovered.length > 0) keep(`${name}-discovered.txt`, discovered)
  const { seed } = options
  const grew = discovered.length
  say(
    JSON.stringify({
      target: name,
      seed,
      executions,
      corpus,
      grew,
      blocks,
      findings: findings.length,
    }),
  )
}
for (const end of ends) await end()

function keep(file: string, inputs: readonly Buffer[]): void {
  mkdirSync('fuzz-findings', { recursive: true })
  writeFileSync(`fuzz-findings/${file}`, `${inputs.map(toLine).join('\n')}\n`)
}
