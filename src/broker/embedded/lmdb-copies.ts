import { LmdbDamage } from './lmdb-damage.js'
import { checkNodes, isLeaf, keyOf, leafOf, nodeCount, transactionOf } from './lmdb-pages.js'
import type { KeyRange, LmdbWalk } from './lmdb-walk.js'

/** An entry in a leaf page that no tree has. */
export interface Copy {
  readonly key: Buffer
  readonly page: number
  readonly index: number
}

/**
 * Entries of leaf pages that no tree has (any more), in the order of keys, of each key the one of
 * the newest transaction: only keys within `ranges`, only of the database whose keys and values
 * look like those asked for. What clients send cannot pass for a page: a page's head has zeros,
 * and JSON has none.
 */
export function findCopies(
  walk: LmdbWalk,
  database: keyof typeof LOOKS,
  ranges: readonly KeyRange[],
): Copy[] {
  if (ranges.length === 0) return []
  const looksRight = LOOKS[database]
  const found = new Map<string, Copy & { readonly transaction: number }>()
  const { file } = walk
  const end = Math.min(file.snapshot.pages, file.length)
  for (let number = 2; number < end; number++) {
    if (walk.isUsed(number)) continue
    const page = file.page(number)
    if (!isSoundLeaf(page, number) || transactionOf(page) > file.snapshot.transaction) continue
    const transaction = transactionOf(page)
    for (let index = 0; index < nodeCount(page); index++) {
      const key = keyOf(page, index)
      if (!ranges.some((range) => isWithin(key, range))) continue
      const { data } = leafOf(page, index)
      if (!looksRight(key, Buffer.isBuffer(data) ? data : undefined)) continue
      const name = key.toString('latin1')
      if ((found.get(name)?.transaction ?? -1) >= transaction) continue
      found.set(name, { key: Buffer.from(key), page: number, index, transaction })
    }
  }
  return [...found.values()].sort((a, b) => a.key.compare(b.key))
}

const MESSAGE_KEY = 12

/** Whether a key and its value, where that is in the page itself, may be of a database. */
const LOOKS = {
  messages: (key: Buffer, value?: Buffer) =>
    key.length === MESSAGE_KEY && value?.length !== MESSAGE_KEY,
  rooms: (_key: Buffer, value?: Buffer) => value?.subarray(0, 7).toString('latin1') === '{"key":',
} as const

function isSoundLeaf(page: Buffer, number: number): boolean {
  try {
    if (!isLeaf(page)) return false
    checkNodes(page, number, 'leaf')
    return true
  } catch (error) {
    if (error instanceof LmdbDamage) return false
    throw error
  }
}

function isWithin(key: Buffer, { from, to }: KeyRange): boolean {
  return (!from || from.compare(key) <= 0) && (!to || to.compare(key) > 0)
}
