import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import t from 'tap'

const GARBAGE = new URL('../../src/garbage.js', import.meta.url).href

/**
 * Among how many tasks each collection of young objects was shared out, in a process that makes
 * many. The first ones are those of its start.
 */
function tasksOfCollections(processes: number): number[] {
  const script = `
    const { tuneCollection } = await import(${JSON.stringify(GARBAGE)})
    tuneCollection(${processes})
    let kept = []
    for (let n = 0; n < 6e6; n++) {
      kept.push({ n })
      if (kept.length > 1e5) kept = []
    }`
  const flags = ['--trace-gc', '--trace-parallel-scavenge', '--input-type=module', '--eval', script]
  const output = execFileSync(process.execPath, flags, { encoding: 'utf8' })
  const tasks = output.split(/: Scavenge/).map((part) => part.match(/\] scavenge\[/g)?.length ?? 0)
  return tasks.slice(0, -1)
}

t.test('with as many processes as cores, young objects are collected by one thread', async (t) => {
  t.strictSame(tasksOfCollections(availableParallelism()).slice(-3), [1, 1, 1])
})

const alone = availableParallelism() === 1 && 'there is one core here'
t.test('with fewer, the threads of V8 share it', { skip: alone }, async (t) => {
  t.ok(Math.max(...tasksOfCollections(availableParallelism() - 1)) > 1)
})
