import { join } from 'node:path'
import * as lmdb from 'lmdb'
import type { Remembered } from '../broker.js'
import { readJournal } from './journal-reading.js'
import { messageKeys, readMessage } from './lmdb-codec.js'
import { findCopies } from './lmdb-copies.js'
import { LmdbDamage } from './lmdb-damage.js'
import { LmdbFile } from './lmdb-file.js'
import type { Leaf, Tree } from './lmdb-pages.js'
import { after, type Damage, EVERYTHING, type KeyRange, LmdbWalk } from './lmdb-walk.js'
import { LostMessage, type RoomRecord } from './store.js'

/** A message that could be read, with what its own text says of it. */
export interface ReadMessage {
  /** The room's. */
  readonly key: number
  readonly offset: number
  readonly time: number
  readonly json: string
  readonly room: string
  readonly user: string
  readonly id: string
}

/** What of a room could be read: at least one message. */
export interface ReadRoom {
  readonly name: string
  readonly first: number
  last: number
  count: number
}

/** A message that is not in its tree. */
interface Extra {
  readonly key: Buffer
  read(): ReadMessage | undefined
}

type Records = Map<string, Pick<RoomRecord, 'key' | 'trimmed'>>

/**
 * Reads a log without LMDB, as far as it can be read. In place of a damaged page its older copies
 * are searched, which LMDB leaves in the file until it needs the space: messages never change, and
 * each has a checksum. A copy may hold a message whose transaction never succeeded; it can only
 * stand where another one was lost.
 */
export class LogReading {
  readonly damages: Damage[]
  /** By key. */
  readonly rooms = new Map<number, ReadRoom>()
  readonly values: readonly Remembered[]
  readonly #file: LmdbFile
  readonly #messages: Tree | undefined
  /** In the order of keys. */
  readonly #extras: readonly Extra[]

  /**
   * Reads all of it once. Nobody may write to it until `close`.
   * @throws {LmdbDamage} when the data file has no valid header.
   */
  constructor(dir: string) {
    this.#file = new LmdbFile(join(dir, 'data.mdb'))
    const walk = new LmdbWalk(this.#file)
    this.damages = walk.damages
    const trees = walk.databases()
    this.#messages = trees.get('messages')
    const leaves = (database: string) => leavesOf(walk, database, trees.get(database))
    const absorbed = [...leaves('meta')].flatMap((leaf) => this.#absorbed(leaf))
    const records: Records = new Map([...leaves('rooms')].flatMap((leaf) => this.#record(leaf)))
    const garbage = new Set([...leaves('garbage')].map(({ key }) => bufferToKeyValue(key)))
    this.values = [...leaves('values')].flatMap((leaf) => this.#remembered(leaf))
    for (const leaf of leaves('messages')) this.#checkMessage(leaf)
    const lostRooms = this.#lost('rooms')
    const extras = new Map<string, Extra>()
    for (const { key, page, index } of findCopies(walk, 'messages', this.#lost('messages'))) {
      const read = () => this.#read(this.#file.leaf(page, index))
      extras.set(key.toString('latin1'), { key, read })
    }
    for (const { page, index } of findCopies(walk, 'rooms', lostRooms)) {
      for (const [name, record] of this.#record(this.#file.leaf(page, index)))
        records.set(name, record)
    }
    this.#readJournal(dir, absorbed[0] ?? 0, records, extras)
    this.#extras = [...extras.values()].sort((a, b) => a.key.compare(b.key))
    this.#assign(records, lostRooms.length > 0 ? garbage : undefined)
  }

  /** The rooms' messages, room by room, ascending. */
  *messages(): Generator<ReadMessage> {
    for (const message of this.#all()) {
      const room = this.rooms.get(message.key)
      // What is before the first one was removed by retention.
      if (room?.name === message.room && message.offset >= room.first) yield message
    }
  }

  close(): void {
    this.#file.close()
  }

  #readJournal(dir: string, absorbed: number, records: Records, extras: Map<string, Extra>): void {
    const { rooms, messages, damages } = readJournal(dir, absorbed)
    for (const what of damages) this.damages.push({ database: 'journal', what, lost: undefined })
    for (const { name, record } of rooms) records.set(name, record)
    for (const [text, { key, value }] of messages) {
      extras.set(text, { key, read: () => decode(key, value) })
    }
  }

  /**
   * Finds out which messages are the rooms'. Where records of rooms were lost, a room is what its
   * messages say: of several keys the last one is a room's, as no key is used again.
   * @param garbage keys that are not; undefined when no record was lost
   */
  #assign(records: Records, garbage: Set<unknown> | undefined): void {
    const byName = new Map<string, number>()
    for (const { key, room: name, offset } of this.#all()) {
      const record = records.get(name)
      const foreign = record
        ? record.key !== key || offset <= record.trimmed
        : !garbage || garbage.has(key)
      if (foreign) continue
      const room = this.rooms.get(key)
      if (room === undefined) {
        this.rooms.delete(byName.get(name) ?? -1)
        byName.set(name, key)
        this.rooms.set(key, { name, first: offset, last: offset, count: 1 })
      } else if (room.name === name) {
        room.last = offset
        room.count++
      }
    }
  }

  /** Every message that can be read, in the order of keys. */
  *#all(): Generator<ReadMessage> {
    let next = 0
    const leaves = this.#messages
      ? new LmdbWalk(this.#file).leaves('messages', this.#messages)
      : ([] as Leaf[])
    for (const leaf of leaves) {
      for (; (this.#extras[next]?.key.compare(leaf.key) ?? 1) < 0; next++)
        yield* some(this.#extras[next]?.read())
      // What is in both was on its way from the journal into the tree.
      if (this.#extras[next]?.key.equals(leaf.key)) next++
      yield* some(this.#read(leaf))
    }
    for (; next < this.#extras.length; next++) yield* some(this.#extras[next]?.read())
  }

  #read(leaf: Leaf): ReadMessage | undefined {
    return attempt(() => decode(leaf.key, this.#file.value(leaf)))
  }

  #checkMessage(leaf: Leaf): void {
    if (this.#read(leaf)) return
    const [key, offset] = leaf.key.length === 12 ? messageKeys.readKey(leaf.key, 0) : [0, 0]
    this.#note('messages', `message ${offset} of the room with key ${key} is damaged`, leaf)
  }

  #absorbed(leaf: Leaf): number[] {
    if (bufferToKeyValue(leaf.key) !== 'absorbed') return []
    const number = Number(this.#json(leaf))
    return Number.isSafeInteger(number) ? [number] : []
  }

  #record(leaf: Leaf): [name: string, record: Pick<RoomRecord, 'key' | 'trimmed'>][] {
    const record = this.#json(leaf) as RoomRecord | undefined
    const sound = Number.isSafeInteger(record?.key) && Number.isSafeInteger(record?.trimmed)
    if (record && sound) return [[leaf.key.toString('utf8'), record]]
    this.#note('rooms', 'has a damaged record', leaf)
    return []
  }

  #remembered(leaf: Leaf): Remembered[] {
    const value = this.#json(leaf) as Remembered | undefined
    const sound = typeof value?.value === 'string' && Number.isFinite(value.expires)
    if (value && sound) return [{ ...value, key: leaf.key.toString('utf8') }]
    this.#note('values', 'has a damaged value', leaf)
    return []
  }

  #json(leaf: Leaf): unknown {
    return attempt(() => JSON.parse(this.#file.value(leaf).toString('utf8')))
  }

  /** Only this one entry is lost. */
  #note(database: string, what: string, { key }: Leaf): void {
    this.damages.push({ database, what, lost: { from: Buffer.from(key), to: after(key) } })
  }

  #lost(database: string): KeyRange[] {
    return this.damages.flatMap(({ database: name, lost }) =>
      name === database && lost !== undefined ? [lost] : [],
    )
  }
}

/** How `lmdb` reads its own kind of keys; its types leave it out. */
const { bufferToKeyValue } = lmdb as unknown as { bufferToKeyValue(key: Buffer): unknown }

/** A message out of its key and value. Throws what damaged bytes may throw. */
function decode(keyBytes: Buffer, value: Buffer): ReadMessage | undefined {
  const [key, offset] = messageKeys.readKey(keyBytes, 0)
  const { time, json } = readMessage(offset, value)
  const { room, user, id, offset: told } = JSON.parse(json)
  return told === offset ? { key, offset, time, json, room, user, id } : undefined
}

/** Undefined where damaged bytes made reading impossible. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const kinds = [LmdbDamage, LostMessage, SyntaxError, RangeError]
    if (kinds.some((kind) => error instanceof kind)) return undefined
    throw error
  }
}

function some<T>(item: T | undefined): T[] {
  return item === undefined ? [] : [item]
}

/** The leaves of a database that every log has. */
function* leavesOf(walk: LmdbWalk, database: string, tree: Tree | undefined): Generator<Leaf> {
  if (tree) yield* walk.leaves(database, tree)
  else walk.damages.push({ database, what: 'is not found', lost: EVERYTHING })
}
