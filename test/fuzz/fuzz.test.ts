import t from 'tap'
import { listen } from '../helpers/listening-app.js'
import { fuzz, readCorpus, toLine } from './fuzz.js'
import { targets } from './targets/index.js'
import { UNLIMITED } from './unlimited.js'

t.setTimeout(200_000)

/** Executions of each target: enough for the corpus and a look around. */
const EXECUTIONS: Readonly<Record<string, number>> = {
  codec: 3000,
  tokens: 600,
  frames: 300,
  handshake: 300,
  rest: 300,
  posts: 300,
  log: 40,
}

for (const [name, open] of Object.entries(targets)) {
  t.test(`${name}: the corpus and mutations of it find nothing`, async (t) => {
    const target = await open(() => listen(t, UNLIMITED))
    t.teardown(() => target.close?.())
    const executions = EXECUTIONS[name] as number
    const result = await fuzz(target, readCorpus(name), { seed: 1, executions, seconds: 60 })
    for (const { input, error } of result.findings) t.fail(`${error}`, { input: toLine(input) })
    t.ok(result.executions >= result.corpus, `${result.executions} executions`)
    if (target.guided.length > 0) t.ok(result.discovered.length > 0, 'coverage led somewhere')
  })
}

t.test('an input that breaks something is found and told', async (t) => {
  const run = (input: Buffer) => {
    if (input.includes('\r\n')) throw new Error('found')
  }
  const limits = { seed: 3, executions: 10_000, seconds: 60 }
  const { findings } = await fuzz({ guided: [], run }, [Buffer.from('abc')], limits)
  t.match(findings[0]?.error, { message: 'found' })
  t.ok(findings[0]?.input.includes('\r\n'))
})
