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

/** Keys of ids as they are stored, ascending, from the one behind `after` on. */
export function idKeysIn(
  { rawIds }: LmdbDatabases,
  after: Buffer | undefined,
  limit: number,
): Buffer[] {
  const start = after ?? Buffer.alloc(1)
  return [...rawIds.getKeys({ start, exclusiveStart: after !== undefined, limit })]
}

export function countIn(database: Database<Buffer, Buffer>): number {
  return (database.getStats() as { entryCount: number }).entryCount
}

interface Range {
  readonly start: number[]
  readonly end: number[]
  readonly reverse?: boolean
}

/** Not above any name that there is. */
const FIRST_NAME = '\u0000'
