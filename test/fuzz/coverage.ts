import { Session } from 'node:inspector'

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly {
    readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[]
  }[]
}

/**
 * Which blocks of some files an input reached, as V8 counts them: what Jazzer.js would tell, whose
 * prebuilt addon needs a newer C library than this project's oldest platform has.
 */
export class Coverage {
  readonly #session = new Session()
  readonly #files: readonly string[]
  readonly #seen = new Set<string>()

  constructor(files: readonly string[]) {
    this.#files = files
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** How many blocks, by how often they ran at once, were ever reached. */
  get size(): number {
    return this.#seen.size
  }

  /** Whether anything was reached since the last call that never was before. */
  grew(): boolean {
    const before = this.#seen.size
    // In one thread the answer comes before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error) throw error
      for (const script of answer.result as readonly ScriptCoverage[]) this.#add(script)
    })
    return this.#seen.size > before
  }

  close(): void {
    this.#session.disconnect()
  }

  #add({ url, functions }: ScriptCoverage): void {
    const file = this.#files.find((part) => url.includes(part))
    if (file === undefined) return
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        if (count === 0) continue
        // Once, twice, some, many: a loop that runs longer than before is news, but not each time.
        const often = Math.min(8, Math.floor(Math.log2(count)))
        this.#seen.add(`${file} ${startOffset} ${endOffset} ${often}`)
      }
    }
  }
}
