import { execFileSync } from 'node:child_process'
import t from 'tap'
import { tuneCollection } from '../../src/garbage.js'

function flags(processes: number, cores: number): string[] {
  const set: string[] = []
  tuneCollection(processes, cores, (flag) => set.push(flag))
  return set
}

t.test('young objects are collected by one thread where no core is left for others', async (t) => {
  t.strictSame(flags(1, 1), ['--no-parallel-scavenge'])
  t.strictSame(flags(8, 8), ['--no-parallel-scavenge'])
  t.strictSame(flags(9, 8), ['--no-parallel-scavenge'])
})

t.test('and as V8 has it where there are some', async (t) => {
  t.strictSame(flags(1, 2), [])
  t.strictSame(flags(7, 8), [])
})

t.test('V8 knows what is set', async (t) => {
  const run = (flag: string) =>
    execFileSync(process.execPath, [flag, '--eval', ''], { stdio: 'pipe' })
  for (const flag of flags(1, 1)) t.doesNotThrow(() => run(flag))
  t.throws(() => run('--no-such-flag'))
})
