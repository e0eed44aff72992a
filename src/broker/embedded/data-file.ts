import { closeSync, fstatSync, ftruncateSync, openSync, readSync, write } from 'node:fs'
import { promisify } from 'node:util'

/**
 * LMDB's data file, seen from outside, for what LMDB itself does not survive:
 * - It reads through a memory map. A file that was cut short under it kills the process, and one
 *   that was removed takes writes that nobody will ever find. `check` notices both.
 * - A write that fails because the disk is full can damage the heap of the process (lmdb 3.5). So
 *   space is taken beforehand, by writing zeros behind the end, where a failure is a plain error.
 */
export class DataFile {
  readonly path: string
  readonly #fd: number
  #size = 0
  #used = 0
  #pageSize = 4096

  /** Opens the file that LMDB has opened. */
  constructor(path: string) {
    this.path = path
    this.#fd = openSync(path, 'r+')
    this.check()
  }

  /** Throws when the file is not what it was: removed, cut short, overwritten. */
  check(): void {
    const { size, nlink } = fstatSync(this.#fd)
    if (nlink === 0) throw new Error(`${this.path} was removed or replaced`)
    if (size < this.#size) {
      // LMDB looks at the first two pages once more when it is closed.
      if (size < 2 * this.#pageSize) ftruncateSync(this.#fd, 2 * this.#pageSize)
      throw new Error(`${this.path} was cut short from ${this.#size} to ${size} bytes`)
    }
    const header = readHeader(this.#fd)
    if (header === undefined) throw new Error(`${this.path} was overwritten`)
    this.#size = size
    this.#pageSize = header.pageSize
    this.#used = header.pages * header.pageSize
  }

  /**
   * Makes sure that a transaction of so many entries and bytes finds its space on the disk. Not to
   * be called while one is under way. Rejects when there is no space.
   */
  async reserve(entries: number, bytes: number): Promise<void> {
    this.check()
    // At most so many pages of the trees are copied; no more than there are.
    const trees = Math.min(entries * 3 * this.#pageSize, this.#used)
    const needed = this.#used + trees + 2 * bytes + SPARE
    if (this.#size >= needed) return
    const ahead = Math.min(this.#used / 8, MOST_AHEAD)
    const end = Math.ceil((needed + ahead) / ZEROS.length) * ZEROS.length
    while (this.#size < end) {
      const start = this.#size
      const length = Math.min(ZEROS.length, end - start)
      const { bytesWritten } = await writeAsync(this.#fd, ZEROS, 0, length, start)
      // A check meanwhile may have seen the file as long as it is now.
      this.#size = Math.max(this.#size, start + bytesWritten)
    }
  }

  close(): void {
    closeSync(this.#fd)
  }
}

const writeAsync = promisify(write)

const ZEROS = Buffer.alloc(256 * 1024)

/** Bytes reserved beyond what is needed, and the most that is taken ahead of need. */
const SPARE = 128 * 1024
const MOST_AHEAD = 16 * 1024 * 1024

export interface Header {
  readonly pageSize: number
  /** Pages that are or were in use; what is behind them means nothing. */
  readonly pages: number
}

/** What LMDB's two meta pages say, as far as it matters here; undefined when they are not LMDB's. */
export function readHeader(fd: number): Header | undefined {
  const first = readMeta(fd, 0)
  const second = first && readMeta(fd, first.pageSize)
  if (first === undefined || second === undefined) return undefined
  const newest = second.transaction > first.transaction ? second : first
  return { pageSize: first.pageSize, pages: newest.lastPage + 1 }
}

function readMeta(fd: number, position: number) {
  if (readSync(fd, meta, 0, META_LENGTH, position) < META_LENGTH) return undefined
  if (meta.readUInt32LE(MAGIC_AT) !== MAGIC) return undefined
  return {
    pageSize: meta.readUInt32LE(PAGE_SIZE_AT),
    lastPage: Number(meta.readBigUInt64LE(LAST_PAGE_AT)),
    transaction: meta.readBigUInt64LE(TRANSACTION_AT),
  }
}

/** Where things are in a meta page of LMDB's format 2 on a 64-bit little-endian machine. */
const MAGIC = 0xbeefc0de
const MAGIC_AT = 0x18
const PAGE_SIZE_AT = 0x30
const LAST_PAGE_AT = 0x90
const TRANSACTION_AT = 0x98
const META_LENGTH = 0xa0

const meta = Buffer.allocUnsafe(META_LENGTH)
