import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Folders of the repository, from the compiled `build/bench/suite/`. */
const root = new URL('../../../', import.meta.url)

const folder = (path: string) => fileURLToPath(new URL(path, root))

/** The root of the repository. */
export const ROOT = folder('./')
/** The compiled server. */
export const SERVER = folder('build/src/server.js')
/** The peers' servers, a package of its own. */
export const PEERS = folder('bench/peers/')
/** Sources of the load generator. */
export const GENERATOR = folder('bench/generator/')
/** What is compiled for the benchmarks. */
export const BUILD = folder('build/bench/native/')
/** Results, kept in the repository. */
export const RESULTS = folder('bench/results/')

export function ensureFolder(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}
/** The page that has the main tables in it. */
export const PAGE = folder('docs/performance.md')
