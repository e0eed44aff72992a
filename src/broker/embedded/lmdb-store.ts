import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { LogMessage, Remembered } from '../broker.js'
import {
  idKeys,
  messageKeys,
  messageSize,
  PLACE_LENGTH,
  readMessage,
  readMessageTime,
  readPlace,
  writeMessage,
  writePlace,
} from './lmdb-codec.js'
import type { Change, Life, LogStore, NamesQuery, Place, RoomRecord, StoreEpoch } from './store.js'

/** Opens the log in `dir`, which is made if it does not exist. */
export async function openLmdbStore(options: { dir: string }): Promise<LogStore> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  return new LmdbStore(options.dir)
}

class LmdbStore implements LogStore {
  readonly #root: RootDatabase
  readonly #meta: Database<unknown, string>
  readonly #rooms: Database<RoomRecord, string>
  readonly #messages: Database<Buffer, number[]>
  readonly #ids: Database<Buffer, (number | string)[]>
  readonly #garbage: Database<true, number>
  readonly #values: Database<Omit<Remembered, 'key'>, string>
  /** Bytes of the commit under way. */
  #slab = Buffer.allocUnsafeSlow(1024 * 1024)

  constructor(dir: string) {
    this.#root = open({
      path: dir,
      noSubdir: false,
      maxDbs: 8,
      eventTurnBatching: false,
      encoding: 'binary',
    })
    const json = { encoding: 'json' } as const
    this.#meta = this.#root.openDB('meta', json)
    this.#rooms = this.#root.openDB('rooms', json)
    this.#garbage = this.#root.openDB('garbage', json)
    this.#values = this.#root.openDB('values', json)
    this.#messages = this.#root.openDB('messages', binary(messageKeys))
    this.#ids = this.#root.openDB('ids', binary(idKeys))
  }

  async start(life: Life): Promise<void> {
    if (this.#meta.get('epoch') === undefined) {
      await this.#meta.put('epoch', { epoch: life.epoch, key: 0 })
    }
  }

  epoch(): StoreEpoch {
    return this.#meta.get('epoch') as StoreEpoch
  }

  lastKey(): number {
    return (this.#meta.get('lastKey') as number | undefined) ?? 0
  }

  room(name: string): RoomRecord | undefined {
    return this.#rooms.get(name)
  }

  roomNames({ prefix = '', after, limit }: NamesQuery): string[] {
    const names: string[] = []
    const start = after ?? prefix
    for (const name of this.#rooms.getKeys(start === '' ? {} : { start })) {
      if (names.length === limit || !name.startsWith(prefix)) break
      if (name !== after) names.push(name)
    }
    return names
  }

  newest(room: number): Place | undefined {
    return this.#first({ start: [room + 1, 0], end: [room, 0], reverse: true })
  }

  oldest(room: number): Place | undefined {
    return this.#first({ start: [room, 0], end: [room + 1, 0] })
  }

  timeOf(room: number, offset: number): number | undefined {
    const bytes = this.#messages.getBinaryFast([room, offset])
    return bytes && readMessageTime(bytes)
  }

  *messages(room: number, from: number, to: number): Generator<LogMessage, void> {
    const reverse = from > to
    const end = [room, reverse ? to - 1 : to + 1]
    for (const { key, value } of this.#messages.getRange({ start: [room, from], end, reverse })) {
      yield readMessage(key[1] as number, value, value.length)
    }
  }

  find(room: number, user: string, id: string): Place | undefined {
    const bytes = this.#ids.getBinaryFast([room, user, id])
    return bytes && readPlace(bytes)
  }

  *values(): Generator<Remembered, void> {
    for (const { key, value } of this.#values.getRange({})) yield { key, ...value }
  }

  discarded(): number | undefined {
    for (const key of this.#garbage.getKeys({ limit: 1 })) return key
    return undefined
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await this.#root.batch(() => {
      this.#reserve(changes)
      let end = 0
      for (const change of changes) end = this.#apply(change, end)
    })
  }

  async flush(): Promise<void> {
    await this.#root.flushed
  }

  async close(): Promise<void> {
    await this.#root.flushed
    await this.#root.close()
  }

  #first(range: { start: number[]; end: number[]; reverse?: boolean }): Place | undefined {
    for (const { key, value } of this.#messages.getRange({ ...range, limit: 1 })) {
      return { offset: key[1] as number, time: readMessageTime(value) }
    }
    return undefined
  }

  #reserve(changes: readonly Change[]): void {
    let size = 0
    for (const change of changes) {
      if (change.kind === 'append') size += messageSize(change.message) + PLACE_LENGTH
    }
    if (size > this.#slab.length) this.#slab = Buffer.allocUnsafeSlow(size)
  }

  /** Queues a change's writes; their bytes go into the slab from `start`. Returns the end. */
  #apply(change: Change, start: number): number {
    switch (change.kind) {
      case 'append':
        return this.#append(change.room, change.user, change.id, change.message, start)
      case 'room':
        void this.#rooms.put(change.name, change.record)
        void this.#meta.put('lastKey', Math.max(change.record.key, this.lastKey()))
        break
      case 'trim':
        void this.#messages.remove([change.room, change.offset])
        void this.#ids.remove([change.room, change.user, change.id])
        break
      case 'forget':
        void this.#rooms.remove(change.name)
        break
      case 'epoch':
        void this.#meta.put('epoch', { epoch: change.epoch, key: this.lastKey() })
        break
      case 'discard':
        void this.#garbage.put(change.room, true)
        break
      case 'sweep':
        this.#sweep(change.room, change.limit)
        break
      case 'keep': {
        const { key, ...value } = change.value
        void this.#values.put(key, value)
        break
      }
      case 'drop':
        void this.#values.remove(change.key)
        break
      case 'probe':
        void this.#meta.put('probe', change.time)
        break
    }
    return start
  }

  #append(room: number, user: string, id: string, message: LogMessage, start: number): number {
    const middle = writeMessage(message, this.#slab, start)
    const end = writePlace(message, this.#slab, middle)
    void this.#messages.put([room, message.offset], this.#slab.subarray(start, middle))
    void this.#ids.put([room, user, id], this.#slab.subarray(middle, end))
    return end
  }

  #sweep(room: number, limit: number): void {
    let left = limit
    for (const key of this.#messages.getKeys({ start: [room, 0], end: [room + 1, 0], limit })) {
      void this.#messages.remove(key)
      left--
    }
    for (const key of this.#ids.getKeys({ start: [room], end: [room + 1], limit: left })) {
      void this.#ids.remove(key)
      left--
    }
    if (left > 0) void this.#garbage.remove(room)
  }
}

/** A database of bytes under keys of our own format. */
function binary(keyEncoder: object) {
  return { encoding: 'binary', keyEncoder } as const
}
