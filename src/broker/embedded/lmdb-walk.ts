import { LmdbDamage } from './lmdb-damage.js'
import type { LmdbFile } from './lmdb-file.js'
import {
  checkNodes,
  checkOverflow,
  childOf,
  keyOf,
  type Leaf,
  leafOf,
  nodeCount,
  pagesFor,
  readTree,
  type Tree,
  transactionOf,
} from './lmdb-pages.js'

/** Keys of a database: `from` ≤ key < `to`; undefined: no bound. */
export interface KeyRange {
  readonly from: Buffer | undefined
  readonly to: Buffer | undefined
}

/** All keys. */
export const EVERYTHING: KeyRange = { from: undefined, to: undefined }

/** Something wrong in a database. */
export interface Damage {
  readonly database: string
  readonly what: string
  /** What can therefore not be read through the tree; undefined when all can. */
  readonly lost: KeyRange | undefined
}

/** Names of the two databases that every file has. */
export const FREE = '(free pages)'
export const MAIN = '(databases)'

/**
 * Goes through the trees of a file, and takes nothing for granted: each page must be the one that
 * is expected, belong to one tree only, be no younger than what leads to it, and have its keys in
 * order and within the bounds that the pages above it give.
 */
export class LmdbWalk {
  readonly damages: Damage[] = []
  readonly file: LmdbFile
  /** Of each page: whether a tree has it. */
  readonly #used: Uint8Array

  constructor(file: LmdbFile) {
    this.file = file
    // A header may say anything: no more than the file has can be used.
    this.#used = new Uint8Array(Math.min(file.snapshot.pages, file.length))
  }

  isUsed(page: number): boolean {
    return this.#used[page] === 1
  }

  /** The named databases. */
  databases(): Map<string, Tree> {
    const trees = new Map<string, Tree>()
    for (const leaf of this.leaves(MAIN, this.file.snapshot.main)) {
      if (leaf.isTree) trees.set(nameOf(leaf.key), readTree(leaf.data as Buffer, 0))
    }
    return trees
  }

  /** Pages that are listed as free, in no order. */
  *freePages(): Generator<number> {
    for (const leaf of this.leaves(FREE, this.file.snapshot.free)) {
      const list = this.file.value(leaf)
      const end = Math.min(list.length, 8 * (1 + Number(list.readBigUInt64LE(0))))
      for (let at = 8; at + 8 <= end; at += 8) {
        const entry = Number(list.readBigInt64LE(at))
        // A block: minus its length, then its first page. Zeros are nothing.
        if (entry < 0 && at + 16 <= end) {
          at += 8
          const first = Number(list.readBigInt64LE(at))
          for (let i = 0; i < -entry; i++) yield first + i
        } else if (entry > 0) yield entry
      }
    }
  }

  /** All leaves of a tree that can be reached, in the order of keys. Their buffers are used again. */
  *leaves(database: string, tree: Tree): Generator<Leaf> {
    const walk: TreeWalk = {
      database,
      integers: database === FREE,
      entries: 0,
      pages: 0,
      sound: true,
    }
    if (tree.root !== undefined) {
      const { transaction } = this.file.snapshot
      yield* this.#visit(walk, tree.root, tree.depth, EVERYTHING, transaction)
    }
    if (!walk.sound) return
    const told = tree.branchPages + tree.leafPages + tree.overflowPages
    if (walk.entries !== tree.entries || walk.pages !== told) {
      const found = `${walk.entries} entries on ${walk.pages} pages`
      const what = `has ${found}, and should have ${tree.entries} on ${told}`
      this.damages.push({ database, what, lost: undefined })
    }
  }

  *#visit(
    walk: TreeWalk,
    number: number,
    depth: number,
    range: KeyRange,
    youngest: number,
  ): Generator<Leaf> {
    let page: Buffer
    try {
      page = this.#take(number, depth, youngest)
      checkOrder(page, number, range, walk.integers, depth > 1)
    } catch (error) {
      this.#note(walk, error, range)
      return
    }
    walk.pages++
    // The file's buffer is used again by what lies below.
    page = Buffer.from(page)
    const count = nodeCount(page)
    for (let i = 0; i < count; i++) {
      if (depth > 1) {
        const from = i === 0 ? range.from : keyOf(page, i)
        const to = i + 1 < count ? keyOf(page, i + 1) : range.to
        yield* this.#visit(walk, childOf(page, i), depth - 1, { from, to }, transactionOf(page))
      } else {
        const leaf = leafOf(page, i)
        try {
          this.#takeOverflow(walk, leaf)
        } catch (error) {
          this.#note(walk, error, { from: Buffer.from(leaf.key), to: after(leaf.key) })
          continue
        }
        walk.entries++
        yield leaf
      }
    }
  }

  #note(walk: TreeWalk, error: unknown, lost: KeyRange): void {
    if (!(error instanceof LmdbDamage)) throw error
    walk.sound = false
    this.damages.push({ database: walk.database, what: error.message, lost })
  }

  /** A page that a tree leads to. Its nodes are inside it. */
  #take(number: number, depth: number, youngest: number): Buffer {
    this.#claim(number, 1)
    const page = this.file.page(number)
    checkNodes(page, number, depth > 1 ? 'branch' : 'leaf')
    if (transactionOf(page) > youngest)
      throw new LmdbDamage(number, 'is younger than what leads to it')
    return page
  }

  #takeOverflow(walk: TreeWalk, { data }: Leaf): void {
    if (Buffer.isBuffer(data)) return
    const count = pagesFor(data.length, this.file.pageSize)
    this.#claim(data.page, count)
    checkOverflow(this.file.page(data.page), data.page, count)
    walk.pages += count
  }

  #claim(first: number, count: number): void {
    if (!(first >= 2) || first + count > this.#used.length)
      throw new LmdbDamage(first, 'is outside of the file')
    for (let number = first; number < first + count; number++) {
      if (this.#used[number] === 1) throw new LmdbDamage(number, 'is used twice')
      this.#used[number] = 1
    }
  }
}

interface TreeWalk {
  readonly database: string
  /** Keys are numbers of the machine, not bytes. */
  readonly integers: boolean
  entries: number
  pages: number
  sound: boolean
}

function checkOrder(
  page: Buffer,
  number: number,
  { from, to }: KeyRange,
  integers: boolean,
  branch: boolean,
): void {
  const compare = integers ? compareIntegers : Buffer.compare
  const count = nodeCount(page)
  // The first key of a branch page is not used.
  let before = branch ? from : undefined
  for (let i = branch ? 1 : 0; i < count; i++) {
    const key = keyOf(page, i)
    if (integers && key.length !== 8) throw new LmdbDamage(number, 'has a key of a wrong length')
    if (before && compare(before, key) >= 0) throw new LmdbDamage(number, 'has keys out of order')
    if (i === 0 && from && compare(from, key) > 0)
      throw new LmdbDamage(number, 'has keys of another page')
    before = key
  }
  if (to && before && compare(before, to) >= 0)
    throw new LmdbDamage(number, 'has keys of another page')
}

function compareIntegers(a: Buffer, b: Buffer): number {
  const [left, right] = [a.readBigUInt64LE(0), b.readBigUInt64LE(0)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** The key that comes next. */
export function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)])
}

/** `lmdb` ends names with a zero. */
function nameOf(key: Buffer): string {
  return key.toString('utf8').replace(/\0+$/, '')
}
