import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { readHeader } from './data-file.js'
import { UnusableLog } from './unusable-log.js'

/** What `prepareDirectory` found. */
export interface Prepared {
  readonly dataPath: string
  /**
   * `new`: there is no log yet. `short`: pages may be missing at the end, so that all of it is to
   * be looked at before it is opened.
   */
  readonly state: 'new' | 'whole' | 'short'
  /** To be called when LMDB has opened the file: `intact` says that what is in it can be read. */
  finish(intact: boolean): void
}

/**
 * Looks at a directory before LMDB opens it. Throws when there should be a log in it but is none
 * that can be opened: an empty one is never started in its place.
 */
export function prepareDirectory(dir: string): Prepared {
  const dataPath = join(dir, 'data.mdb')
  const version = readVersion(dir)
  if (version !== undefined && version !== VERSION && version !== WITHOUT_JOURNAL) {
    throw new UnusableLog(
      `${dir} holds a log of format "${version}", this version reads "${VERSION}"`,
    )
  }
  // LMDB maps this file into memory too: a disk without space for it would kill the process.
  const lockPath = join(dir, 'lock.mdb')
  if (!existsSync(lockPath)) writeFileSync(lockPath, Buffer.alloc(16 * 1024), { mode: 0o600 })
  if (!existsSync(dataPath)) {
    if (version !== undefined) throw damaged(dataPath, 'is missing')
    return openable(dir, dataPath, 'new')
  }
  return inspect(dir, dataPath, version !== undefined)
}

/** The error for a log that cannot be opened. */
export function damaged(path: string, what: string, cause?: unknown): Error {
  const advice =
    'save what can be read with "parley salvage", restore a backup, or move the directory away to start with an empty log'
  return new UnusableLog(`${path} ${what}; nothing was changed: ${advice}`, { cause })
}

function openable(dir: string, dataPath: string, state: 'new' | 'whole'): Prepared {
  const finish = (intact: boolean) => (intact ? writeVersion(dir) : undefined)
  return { dataPath, state, finish }
}

function inspect(dir: string, dataPath: string, known: boolean): Prepared {
  const fd = openSync(dataPath, 'r+')
  try {
    const { size } = fstatSync(fd)
    if (size === 0 && !known) return openable(dir, dataPath, 'new')
    const header = readHeader(fd)
    if (header === undefined) throw damaged(dataPath, `has no valid header in its ${size} bytes`)
    const expected = header.pages * header.pageSize
    if (size >= expected) return openable(dir, dataPath, 'whole')
    // A few pages at the end may never have been written; all else means that the file was torn.
    // Zeros in their place turn what would be a fatal signal into an error.
    ftruncateSync(fd, expected)
    const finish = (intact: boolean) => (intact ? writeVersion(dir) : restoreSize(dataPath, size))
    return { dataPath, state: 'short', finish }
  } finally {
    closeSync(fd)
  }
}

function restoreSize(path: string, size: number): void {
  const fd = openSync(path, 'r+')
  ftruncateSync(fd, size)
  closeSync(fd)
}

const VERSION = 'parley log 2'
/** The same log without a journal: opening it makes it one with a journal. */
const WITHOUT_JOURNAL = 'parley log 1'

function readVersion(dir: string): string | undefined {
  const path = join(dir, 'VERSION')
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Marks the directory as one that holds a log. */
function writeVersion(dir: string): void {
  const fd = openSync(join(dir, 'VERSION'), 'w', 0o600)
  writeFileSync(fd, `${VERSION}\n`)
  fsyncSync(fd)
  closeSync(fd)
}
