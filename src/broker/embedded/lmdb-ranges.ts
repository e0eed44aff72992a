import type { Database } from 'lmdb'
import type { Remembered } from '../broker.js'
import { readMessageTime } from './lmdb-codec.js'
import type { LmdbDatabases } from './lmdb-databases.js'
import type { NamesQuery, Place } from './store.js'

/** Names of rooms with a record, ascending by code point. */
export function namesIn({ rooms }: LmdbDatabases, query: NamesQuery): string[] {
  const { prefix = '', after, limit } = query
  const names: string[] = []
  for (const name of rooms.getKeys({ start: (after ?? prefix) || FIRST_NAME })) {
    if (names.length === limit || !name.startsWith(prefix)) break
    if (name !== after) names.push(name)
  }
  return names
}

export function valuesIn({ values }: LmdbDatabases): Remembered[] {
  const entries = values.getRange({ start: FIRST_NAME })
  return [...entries].map(({ key, value }) => ({ key, ...value }))
}

/** The first message of a range of keys. */
export function firstIn({ messages }: LmdbDatabases, range: Range): Place | undefined {
  const [entry] = messages.getRange({ ...range, limit: 1 })
  return entry && { offset: entry.key[1] as number, time: readMessageTime(entry.value) }
}

/**
 * Keys of ids as they are stored, ascending, from the one behind `after` on.
 * @throws {Error} where they end before the last one, as they do at a damaged entry: `lmdb` takes
 * a key without a length for the end.
 */
export function idKeysIn(
  { rawIds }: Pick<LmdbDatabases, 'rawIds'>,
  after: Buffer | undefined,
  limit: number,
): Buffer[] {
  const start = after ?? FIRST_KEY
  const keys = [...rawIds.getKeys({ start, exclusiveStart: after !== undefined, limit })]
  if (keys.length < limit) {
    const [last] = rawIds.getKeys({ reverse: true, limit: 1 })
    const end = keys[keys.length - 1] ?? start
    if (last !== undefined && last.compare(end) > 0) throw new Error('ids cannot be read')
  }
  return keys
}

export function countIn(database: Database<Buffer, Buffer>): number {
  return (database.getStats() as { entryCount: number }).entryCount
}

interface Range {
  readonly start: number[]
  readonly end: number[]
  readonly reverse?: boolean
}

/** Not above any key that there is. */
const FIRST_KEY = Buffer.alloc(1)

/** Not above any name that there is. */
const FIRST_NAME = '\u0000'
