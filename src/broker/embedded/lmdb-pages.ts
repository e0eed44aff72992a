import { readFileSync } from 'node:fs'
import { LmdbDamage } from './lmdb-damage.js'

/**
 * LMDB's file format 2 on a 64-bit little-endian machine, read without LMDB: what LMDB finds in a
 * damaged file can end the process, and it reads through a memory map, where nothing can be
 * refused. Names in capitals are those of LMDB's `mdb.c`.
 *
 * A page starts with its number (8 bytes), its transaction (8), a gap (2), its flags (2), and two
 * numbers (2 each) that say where the space between pointers and nodes begins and ends. Pointers
 * are two bytes each and count, like those two, from the end of this head.
 */
export const PAGE_HEAD = 24
const PAGE_TRANSACTION_AT = 8
const PAGE_FLAGS_AT = 18
const LOWER_AT = 20
const UPPER_AT = 22

const P_BRANCH = 1
const P_LEAF = 2
const P_OVERFLOW = 4
const P_KINDS = 0x6f

/** A node: size or number of a page (4), flags (2), length of its key (2), key, data. */
const NODE_HEAD = 8
const F_BIGDATA = 1
const F_SUBDATA = 2

/** In place of data that has pages of its own: their first page (8), transaction (8), count (8). */
const BIG_DATA = 24

/** MDB_db: gap (4), flags (2), depth (2), branch, leaf, overflow pages, entries, root (8 each). */
export const TREE_LENGTH = 48

/** One database of the file. */
export interface Tree {
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly overflowPages: number
  readonly entries: number
  /** Undefined when the tree is empty. */
  readonly root: number | undefined
}

/** What the newest usable meta page says. */
export interface Snapshot {
  readonly transaction: number
  /** Pages that are or were in use, the two meta pages included. */
  readonly pages: number
  /** The list of free pages. */
  readonly free: Tree
  /** The names of the other databases. */
  readonly main: Tree
}

/** What is in a leaf page under one key. */
export interface Leaf {
  readonly key: Buffer
  /** The value itself, or where it is. */
  readonly data: Buffer | { readonly page: number; readonly length: number }
  /** The value is a `Tree`. */
  readonly isTree: boolean
}

export function readTree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40)
  return {
    depth: bytes.readUInt16LE(at + 6),
    branchPages: readCount(bytes, at + 8),
    leafPages: readCount(bytes, at + 16),
    overflowPages: readCount(bytes, at + 24),
    entries: readCount(bytes, at + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  }
}

const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** A count or page number. What does not fit is damage, and as a float it is still out of range. */
function readCount(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}

/**
 * The snapshot that LMDB would open, out of the first two pages: the newest, or after a power cut
 * the newest that was flushed. Undefined when they are not LMDB's.
 * @param boot what `bootNumber` returns
 */
export function readSnapshot(pages: Buffer, pageSize: number, boot: bigint): Snapshot | undefined {
  const [first, second] = [readMeta(pages, 0), readMeta(pages, pageSize)]
  if (first === undefined || second === undefined) return undefined
  // Behind the first meta is a copy of the newest one that was flushed.
  const flushed = readMeta(pages, pageSize >> 1) ?? { ...first, transaction: 0 }
  return pick(pick(first, flushed, boot), second, boot)
}

interface Meta extends Snapshot {
  readonly unflushed: boolean
  readonly boot: bigint
}

/** As `mdb_pick_meta` chooses with MDB_PREVSNAPSHOT and MDB_OVERLAPPINGSYNC, lmdb 3.5. */
function pick(a: Meta, b: Meta, boot: bigint): Meta {
  const [older, newer] = a.transaction >= b.transaction ? [b, a] : [a, b]
  if (b.transaction === 0) return a
  const sameRun = newer.boot !== 0n && newer.boot === boot
  return sameRun || !newer.unflushed ? newer : older
}

function readMeta(bytes: Buffer, start: number): Meta | undefined {
  const at = start + PAGE_HEAD
  if (bytes.length < at + META_LENGTH || bytes.readUInt32LE(at) !== MAGIC) return undefined
  return {
    unflushed: (bytes.readUInt16LE(at + 28) & MDB_OVERLAPPINGSYNC) !== 0,
    free: readTree(bytes, at + 24),
    main: readTree(bytes, at + 72),
    pages: readCount(bytes, at + 120) + 1,
    transaction: readCount(bytes, at + 128),
    boot: bytes.readBigInt64LE(at + 136),
  }
}

const MAGIC = 0xbeefc0de
const META_LENGTH = 144
const MDB_OVERLAPPINGSYNC = 0x1000

/** By what LMDB knows whether the machine was restarted; 0 where it cannot tell. */
export function bootNumber(): bigint {
  if (process.platform !== 'linux') return 0n
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
    return BigInt(`0x${/^[0-9a-f]*/.exec(id)?.[0] || '0'}`)
  } catch {
    return 0n
  }
}

export function transactionOf(page: Buffer): number {
  return readCount(page, PAGE_TRANSACTION_AT)
}

export function isLeaf(page: Buffer): boolean {
  return (page.readUInt16LE(PAGE_FLAGS_AT) & P_KINDS) === P_LEAF
}

export function nodeCount(page: Buffer): number {
  return page.readUInt16LE(LOWER_AT) >> 1
}

function nodeAt(page: Buffer, index: number): number {
  return page.readUInt16LE(PAGE_HEAD + 2 * index) + PAGE_HEAD
}

/** The key of a node; empty in the first node of a branch page. */
export function keyOf(page: Buffer, index: number): Buffer {
  const at = nodeAt(page, index)
  return page.subarray(at + NODE_HEAD, at + NODE_HEAD + page.readUInt16LE(at + 6))
}

/** The page that a node of a branch page leads to. */
export function childOf(page: Buffer, index: number): number {
  const at = nodeAt(page, index)
  return page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32
}

/** A node of a leaf page. */
export function leafOf(page: Buffer, index: number): Leaf {
  const at = nodeAt(page, index)
  const length = page.readUInt32LE(at)
  const flags = page.readUInt16LE(at + 4)
  const key = keyOf(page, index)
  const start = at + NODE_HEAD + key.length
  const isTree = (flags & F_SUBDATA) !== 0
  if ((flags & F_BIGDATA) === 0) return { key, isTree, data: page.subarray(start, start + length) }
  return { key, isTree, data: { page: readCount(page, start), length } }
}

/** Pages that data of a length takes, if it has pages of its own. */
export function pagesFor(length: number, pageSize: number): number {
  return Math.floor((PAGE_HEAD - 1 + length) / pageSize) + 1
}

/** Throws `LmdbDamage` unless this is the first page of data that has `count` pages. */
export function checkOverflow(page: Buffer, number: number, count: number): void {
  checkHead(page, number, P_OVERFLOW)
  if (page.readUInt32LE(LOWER_AT) < count) throw new LmdbDamage(number, 'has too few pages behind')
}

/**
 * Throws `LmdbDamage` unless a page is a branch or leaf page whose nodes are inside it. The order
 * of keys is not looked at.
 */
export function checkNodes(page: Buffer, number: number, kind: 'branch' | 'leaf'): void {
  const branch = kind === 'branch'
  checkHead(page, number, branch ? P_BRANCH : P_LEAF)
  const size = page.length - PAGE_HEAD
  const [lower, upper] = [page.readUInt16LE(LOWER_AT), page.readUInt16LE(UPPER_AT)]
  const count = lower >> 1
  if (lower % 2 !== 0 || lower > upper || upper > size || count === 0)
    throw new LmdbDamage(number, 'has impossible bounds')
  for (let i = 0; i < count; i++) {
    const pointer = page.readUInt16LE(PAGE_HEAD + 2 * i)
    if (pointer < upper || pointer % 2 !== 0 || pointer + NODE_HEAD > size)
      throw new LmdbDamage(number, 'points out of itself')
    const at = pointer + PAGE_HEAD
    const flags = page.readUInt16LE(at + 4)
    const keyLength = page.readUInt16LE(at + 6)
    let data = 0
    if (!branch) {
      if (flags > F_SUBDATA) throw new LmdbDamage(number, 'has a node of an unknown kind')
      data = flags === F_BIGDATA ? BIG_DATA : page.readUInt32LE(at)
      if (flags === F_SUBDATA && data !== TREE_LENGTH)
        throw new LmdbDamage(number, 'has a database of an impossible size')
    }
    if (pointer + NODE_HEAD + keyLength + data > size)
      throw new LmdbDamage(number, 'has a node that ends outside')
    if (keyLength === 0 && !(branch && i === 0))
      throw new LmdbDamage(number, 'has a node without a key')
  }
}

function checkHead(page: Buffer, number: number, kind: number): void {
  if (readCount(page, 0) !== number) throw new LmdbDamage(number, 'has the number of another page')
  if ((page.readUInt16LE(PAGE_FLAGS_AT) & P_KINDS) !== kind)
    throw new LmdbDamage(number, 'is a page of another kind')
}
