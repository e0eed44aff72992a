import { setImmediate as turn } from 'node:timers/promises'
import { LmdbFile } from './lmdb-file.js'
import { type Damage, FREE, LmdbWalk } from './lmdb-walk.js'

export interface DataCheck {
  /** What is wrong; nothing when the file is sound as far as it was looked at. */
  readonly damages: readonly Damage[]
  /** False when there was more than was to be looked at. */
  readonly complete: boolean
}

/**
 * Goes through the pages of a log's data file that are in use, before LMDB does: a page that leads
 * to a wrong place would end the process inside LMDB, and a list of free pages that has pages in
 * use would have LMDB write over them. Nobody may write to the file meanwhile. Lets other work of
 * this process go on.
 * @param maxEntries most entries to look at, all databases together; default: ten seconds' worth
 * after a life that did not end with `close`, next to nothing after one that did
 * @throws {LmdbDamage} when the file has no valid header.
 */
export async function checkDataFile(path: string, maxEntries?: number): Promise<DataCheck> {
  const file = new LmdbFile(path)
  try {
    return await checkFile(new LmdbWalk(file), maxEntries)
  } finally {
    file.close()
  }
}

async function checkFile(walk: LmdbWalk, maxEntries: number | undefined): Promise<DataCheck> {
  const { damages } = walk
  // The small ones come first: what is about the log before the log itself.
  const databases = [...walk.databases()].sort(([, a], [, b]) => a.entries - b.entries)
  let max = maxEntries ?? ENTRIES_AFTER_A_CRASH
  let entries = 0
  for (const [name, tree] of databases) {
    for (const leaf of walk.leaves(name, tree)) {
      if (++entries > max) return { damages, complete: false }
      if (maxEntries === undefined && name === 'meta' && isCleanLife(leaf.data)) {
        max = ENTRIES_AFTER_A_CLOSE
      }
      if (entries % ENTRIES_A_TURN === 0) await turn()
    }
  }
  // Only now it is known which pages are in use.
  const free = new Set<number>()
  for (const page of walk.freePages()) {
    const what = freePageProblem(walk, free, page)
    if (what !== undefined) {
      damages.push({ database: FREE, what: `lists page ${page}, which ${what}`, lost: undefined })
      break
    }
    free.add(page)
  }
  return { damages, complete: true }
}

/** Whether an entry of `meta` says that the store was closed. */
function isCleanLife(data: unknown): boolean {
  return Buffer.isBuffer(data) && data.includes('"clean":true')
}

function freePageProblem(walk: LmdbWalk, free: Set<number>, page: number): string | undefined {
  if (page < 2 || page >= walk.file.snapshot.pages) return 'is outside of the file'
  if (walk.isUsed(page)) return 'is in use'
  return free.has(page) ? 'it has already' : undefined
}

/** Each message is two entries. */
const ENTRIES_AFTER_A_CRASH = 10_000_000
const ENTRIES_AFTER_A_CLOSE = 100_000

/** What takes a few milliseconds. */
const ENTRIES_A_TURN = 4096
