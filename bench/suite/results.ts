import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogFigures } from '../log.js'
import { charts } from './charts.js'
import { ensureFolder, PAGE, RESULTS } from './folders.js'
import { fillPage, resultsPage } from './markdown.js'
import type { Run } from './measurement.js'
import type { Load } from './plan.js'
import { works } from './works.js'

/** All runs of one case. */
export interface CaseResult {
  readonly label: string
  readonly load: Load
  readonly runs: readonly Run[]
}

/** All cases of one work, with where and when they were measured. */
export interface WorkResult {
  readonly name: string
  readonly machine: string
  readonly cases: readonly CaseResult[]
  /** Instead of cases: the log by itself. */
  readonly log?: LogFigures
}

const FILE = join(RESULTS, 'latest.json')

/** The kept results, in the order of the works. */
export function readResults(): readonly WorkResult[] {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : []
}

/** Keeps results, in place of earlier ones of the same works, and renders everything anew. */
export function saveResults(fresh: readonly WorkResult[]): void {
  const kept = readResults().filter(({ name }) => !fresh.some((work) => work.name === name))
  const place = ({ name }: WorkResult) => works.findIndex((work) => work.name === name)
  const all = [...kept, ...fresh].sort((a, b) => place(a) - place(b))
  ensureFolder(RESULTS)
  writeFileSync(FILE, `${JSON.stringify(all, undefined, 1)}\n`)
  writeFileSync(join(RESULTS, 'README.md'), resultsPage(all))
  writeFileSync(PAGE, fillPage(readFileSync(PAGE, 'utf8'), all))
  for (const [name, svg] of charts(all)) writeFileSync(join(RESULTS, `${name}.svg`), svg)
}
