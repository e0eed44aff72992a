import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import t from 'tap'

const GARBAGE = new URL('../../src/garbage.js', import.meta.url).href

/** Collections of young objects in a process that makes many, and tasks that they were shared out to. */
function collections(processes: number) {
  const script = `
    const { tuneCollection } = await import(${JSON.stringify(GARBAGE)})
    tuneCollection(${processes})
    let kept = []
    for (let n = 0; n < 2e6; n++) {
      kept.push({ n })
      if (kept.length > 1e5) kept = []
    }`
  const flags = ['--trace-gc', '--trace-parallel-scavenge', '--input-type=module', '--eval', script]
  const output = execFileSync(process.execPath, flags, { encoding: 'utf8' })
  const count = (what: RegExp) => output.match(what)?.length ?? 0
  return { scavenges: count(/: Scavenge/g), tasks: count(/\] scavenge\[/g) }
}

t.test('with as many processes as cores, young objects are collected by one thread', async (t) => {
  const { scavenges, tasks } = collections(availableParallelism())
  t.ok(scavenges > 3)
  t.equal(tasks, scavenges)
})

const alone = availableParallelism() === 1 && 'there is one core here'
t.test('with fewer, the threads of V8 share it', { skip: alone }, async (t) => {
  const { scavenges, tasks } = collections(availableParallelism() - 1)
  t.ok(scavenges > 3)
  t.ok(tasks > scavenges)
})
