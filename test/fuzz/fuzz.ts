import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Random } from '../simulation/random.js'
import { Coverage } from './coverage.js'
import { mutate } from './mutate.js'
import type { Target } from './target.js'

export interface FuzzOptions {
  readonly seed: number
  /** The end of the search, whichever comes first. */
  readonly executions: number
  readonly seconds: number
}

export interface Finding {
  readonly input: Buffer
  readonly error: unknown
}

export interface FuzzResult {
  readonly executions: number
  readonly findings: readonly Finding[]
  /** Inputs of the committed corpus, and those that reached something new on top. */
  readonly corpus: number
  readonly discovered: readonly Buffer[]
  readonly blocks: number
}

/** An input that is expected to end sooner; one that does not is a finding. */
const DEADLINE = 20_000
const MOST_FINDINGS = 10

/** Asking V8 is dear: these inputs are kept, or not, together. */
const BATCH = 8

/** Runs the corpus, then mutations of it and of what they discover. */
export async function fuzz(
  target: Target,
  corpus: readonly Buffer[],
  { seed, executions, seconds }: FuzzOptions,
): Promise<FuzzResult> {
  const random = new Random(seed)
  const coverage = target.guided.length > 0 ? new Coverage(target.guided) : undefined
  const inputs = [...corpus]
  const findings: Finding[] = []
  const batch: Buffer[] = []
  const end = performance.now() + seconds * 1000
  let done = 0
  while (done < executions && findings.length < MOST_FINDINGS && performance.now() < end) {
    const committed = done < corpus.length
    const input = committed
      ? (corpus[done] as Buffer)
      : mutate(random.pick(inputs), random.pick(inputs), random)
    done++
    try {
      await withDeadline(target.run(input))
    } catch (error) {
      findings.push({ input, error })
    }
    if (!committed) batch.push(input)
    if (batch.length === BATCH) {
      if (coverage?.grew()) inputs.push(...batch)
      batch.length = 0
    } else if (done === corpus.length) {
      coverage?.grew()
    }
    if (done % 256 === 0) await new Promise(setImmediate)
  }
  coverage?.close()
  const discovered = inputs.slice(corpus.length)
  const blocks = coverage?.size ?? 0
  return { executions: done, findings, corpus: corpus.length, discovered, blocks }
}

/** The committed inputs of a target: a JSON string a line, each character a byte. */
export function readCorpus(name: string): Buffer[] {
  // Seen from the compiled file.
  const path = fileURLToPath(new URL(`../../../test/fuzz/corpus/${name}.txt`, import.meta.url))
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(JSON.parse(line), 'latin1'))
}

/** An input as a line of a corpus. */
export function toLine(input: Buffer): string {
  return JSON.stringify(input.toString('latin1'))
}

async function withDeadline(run: void | Promise<void>): Promise<void> {
  if (run === undefined) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${DEADLINE} ms`)), DEADLINE)
  })
  await Promise.race([run, late]).finally(() => clearTimeout(timer))
}
