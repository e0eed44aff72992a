import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { readHeader } from './data-file.js'
import { LmdbDamage } from './lmdb-damage.js'
import {
  bootNumber,
  checkOverflow,
  type Leaf,
  leafOf,
  PAGE_HEAD,
  pagesFor,
  readSnapshot,
  type Snapshot,
} from './lmdb-pages.js'

/** LMDB's data file, read page by page without LMDB. Nobody may write to it meanwhile. */
export class LmdbFile {
  readonly snapshot: Snapshot
  readonly pageSize: number
  /** Whole pages that the file has. */
  readonly length: number
  readonly #fd: number
  readonly #page: Buffer

  /** @throws {LmdbDamage} when there is no valid header. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r')
    try {
      const pageSize = readHeader(this.#fd)?.pageSize ?? 0
      const sound = pageSize >= 512 && pageSize <= 65_536 && Number.isInteger(Math.log2(pageSize))
      const metas = Buffer.alloc(2 * pageSize)
      const read = sound && readSync(this.#fd, metas, 0, metas.length, 0) === metas.length
      const snapshot = read ? readSnapshot(metas, pageSize, bootNumber()) : undefined
      if (snapshot === undefined) throw new LmdbDamage(0, 'is not the header of a log')
      this.snapshot = snapshot
      this.pageSize = pageSize
      this.length = Math.floor(fstatSync(this.#fd).size / pageSize)
      this.#page = Buffer.alloc(pageSize)
    } catch (error) {
      closeSync(this.#fd)
      throw error
    }
  }

  /** Reads a page. The buffer is used again by the next call. */
  page(number: number): Buffer {
    const { pageSize } = this
    if (readSync(this.#fd, this.#page, 0, pageSize, number * pageSize) < pageSize)
      throw new LmdbDamage(number, 'is missing at the end of the file')
    return this.#page
  }

  /** An entry of a leaf page that was found to be sound. */
  leaf(page: number, index: number): Leaf {
    return leafOf(Buffer.from(this.page(page)), index)
  }

  /** A leaf's value, in a buffer of its own. */
  value({ data }: Leaf): Buffer {
    if (Buffer.isBuffer(data)) return Buffer.from(data)
    const { page, length } = data
    const count = pagesFor(length, this.pageSize)
    if (page < 2 || page + count > Math.min(this.snapshot.pages, this.length))
      throw new LmdbDamage(page, 'is outside of the file')
    checkOverflow(this.page(page), page, count)
    const value = Buffer.allocUnsafe(length)
    readSync(this.#fd, value, 0, length, page * this.pageSize + PAGE_HEAD)
    return value
  }

  close(): void {
    closeSync(this.#fd)
  }
}
