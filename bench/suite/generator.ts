import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUILD, ensureFolder, GENERATOR } from './folders.js'
import { pinned } from './pinned.js'
import { type Load, planLines, type Report, type Target } from './plan.js'

/** A load generator: what to run, and what to call it in the results. */
export interface Generator {
  readonly name: 'native' | 'JavaScript'
  readonly command: readonly string[]
}

/** The native one where there is a compiler, else the one in JavaScript. */
export function findGenerator(wanted: 'native' | 'js' | undefined): Generator {
  const binary = wanted === 'js' ? undefined : compile()
  if (binary) return { name: 'native', command: [binary] }
  if (wanted === 'native') throw new Error('the native generator needs a C compiler: no cc here')
  const script = fileURLToPath(new URL('../generator/main.js', import.meta.url))
  return { name: 'JavaScript', command: [process.execPath, script] }
}

/** Compiles the native generator unless it is newer than its sources. */
function compile(): string | undefined {
  const binary = join(ensureFolder(BUILD), 'generator')
  const files = readdirSync(GENERATOR).filter((name) => /\.[ch]$/.test(name))
  const sources = files.map((name) => join(GENERATOR, name))
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs))
  if (existsSync(binary) && statSync(binary).mtimeMs > newest) return binary
  const units = sources.filter((path) => path.endsWith('.c'))
  try {
    execFileSync('cc', ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-o', binary, ...units])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return binary
}

/**
 * Runs one load against one server.
 * @param core where to run it, if it can be pinned
 */
export async function generate(
  generator: Generator,
  load: Load,
  target: Target,
  core: number | undefined,
): Promise<Report> {
  const [command, args] = pinned(generator.command, core)
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const orphaned = () => child.kill('SIGKILL')
  process.once('exit', orphaned)
  let text = ''
  child.stdout.on('data', (data) => {
    text += data
  })
  child.stdin.end(planLines(load, target))
  const code = await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', reject)
  })
  process.off('exit', orphaned)
  if (code !== 0) throw new Error(`the load generator ended with ${code}`)
  return JSON.parse(text)
}
