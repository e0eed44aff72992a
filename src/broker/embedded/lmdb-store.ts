import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Database } from 'lmdb'
import type { LogMessage, Remembered } from '../broker.js'
import { type DirectoryLock, lockDirectory } from './directory-lock.js'
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
import { LmdbEnvironment, type Written } from './lmdb-environment.js'
import type {
  Change,
  Durability,
  Life,
  LogStore,
  NamesQuery,
  Place,
  RoomRecord,
  StoreEpoch,
} from './store.js'

export interface LmdbStoreOptions {
  /** Directory of the log; made if it does not exist. */
  readonly dir: string
  /** Id of this run of the machine; a power cut lies between different ones. Default: the system's. */
  readonly bootId?: string
}

/**
 * Opens the log in a directory. Rejects when another process uses it, and when it is damaged: then
 * nothing is changed and the message says what is wrong.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LogStore> {
  const { dir, bootId = systemBootId() } = options
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const lock = await lockDirectory(dir, process.pid, randomBytes(6).toString('base64url'))
  try {
    return new LmdbStore(await LmdbEnvironment.open(dir), lock, bootId)
  } catch (error) {
    await lock.release()
    throw error
  }
}

class LmdbStore implements LogStore {
  readonly #environment: LmdbEnvironment
  readonly #lock: DirectoryLock
  readonly #bootId: string
  readonly #meta: Database<Meta[keyof Meta], keyof Meta>
  readonly #rooms: Database<StoredRecord, string>
  readonly #messages: Database<Buffer, number[]>
  readonly #ids: Database<Buffer, (number | string)[]>
  readonly #garbage: Database<true, number>
  readonly #values: Database<Omit<Remembered, 'key'>, string>
  /** Keys of the hot path, which are written to LMDB's memory at once: made once, used again. */
  readonly #messageKey: [number, number] = [0, 0]
  readonly #key: [number, string, string] = [0, '', '']
  #generation = 0
  #durability: Durability = 'commit'
  #last: Written | undefined
  #flushFailure: Error | undefined
  /** The values of the commit under way. */
  #slab = Buffer.allocUnsafeSlow(1024 * 1024)

  constructor(environment: LmdbEnvironment, lock: DirectoryLock, bootId: string) {
    this.#environment = environment
    this.#lock = lock
    this.#bootId = bootId
    const { root } = environment
    const json = { encoding: 'json' } as const
    this.#meta = root.openDB('meta', json)
    this.#rooms = root.openDB('rooms', json)
    this.#garbage = root.openDB('garbage', json)
    this.#values = root.openDB('values', json)
    this.#messages = root.openDB('messages', binary(messageKeys))
    this.#ids = root.openDB('ids', binary(idKeys))
  }

  async start({ durability, epoch }: Life): Promise<void> {
    const last = this.#get('life')
    const lostTail =
      last !== undefined &&
      !last.clean &&
      last.durability === 'commit' &&
      last.boot !== this.#bootId
    this.#durability = durability
    this.#generation = (last?.generation ?? 0) + (lostTail ? 1 : 0)
    const isNew = this.#get('epoch') === undefined
    await this.#write(() => {
      if (isNew || lostTail) void this.#meta.put('epoch', { epoch, key: this.lastKey() })
      void this.#meta.put('life', this.#life(false))
    }).flushed
  }

  problem(): string | undefined {
    try {
      this.#environment.check()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  epoch(): StoreEpoch {
    return this.#read(() => this.#get('epoch')) ?? { epoch: '', key: 0 }
  }

  lastKey(): number {
    return this.#read(() => this.#get('lastKey')) ?? 0
  }

  room(name: string): RoomRecord | undefined {
    const stored = this.#read(() => this.#rooms.get(name))
    return stored && fromStored(stored, this.#generation)
  }

  roomNames({ prefix = '', after, limit }: NamesQuery): string[] {
    const start = after ?? prefix
    return this.#read(() => {
      const names: string[] = []
      for (const name of this.#rooms.getKeys(start === '' ? {} : { start })) {
        if (names.length === limit || !name.startsWith(prefix)) break
        if (name !== after) names.push(name)
      }
      return names
    })
  }

  newest(room: number): Place | undefined {
    return this.#first({ start: [room + 1, 0], end: [room, 0], reverse: true })
  }

  oldest(room: number): Place | undefined {
    return this.#first({ start: [room, 0], end: [room + 1, 0] })
  }

  timeOf(room: number, offset: number): number | undefined {
    const bytes = this.#read(() => this.#messages.getBinaryFast([room, offset]))
    return bytes && readMessageTime(bytes)
  }

  *messages(room: number, from: number, to: number): Generator<LogMessage, void> {
    const reverse = from > to
    const end = [room, reverse ? to - 1 : to + 1]
    this.#environment.check()
    try {
      for (const { key, value } of this.#messages.getRange({ start: [room, from], end, reverse })) {
        yield readMessage(key[1] as number, value)
      }
    } catch (error) {
      this.#environment.refresh()
      throw error
    }
  }

  find(room: number, user: string, id: string): Place | undefined {
    this.#environment.check()
    try {
      const bytes = this.#ids.getBinaryFast(this.#idKey(room, user, id))
      return bytes && readPlace(bytes)
    } catch (error) {
      this.#environment.refresh()
      throw error
    }
  }

  values(): Remembered[] {
    const entries = this.#read(() => [...this.#values.getRange()])
    return entries.map(({ key, value }) => ({ key, ...value }))
  }

  discarded(): number | undefined {
    const [key] = this.#read(() => [...this.#garbage.getKeys({ limit: 1 })])
    return key
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#throwFlushFailure()
    await this.#environment.reserve(changes.length, this.#makeRoom(changes))
    await this.#write(() => {
      let end = 0
      for (const change of changes) end = this.#apply(change, end)
    }).visible
  }

  async flush(): Promise<void> {
    await this.#last?.flushed
  }

  async close(): Promise<void> {
    try {
      this.#environment.check()
      await this.#write(() => void this.#meta.put('life', this.#life(true))).flushed
    } catch {
      // The next start finds that this life did not end well, which is the truth.
    }
    await this.#environment.close()
    await this.#lock.release()
  }

  #get<K extends keyof Meta>(key: K): Meta[K] | undefined {
    return this.#meta.get(key) as Meta[K] | undefined
  }

  #life(clean: boolean): Meta['life'] {
    const generation = this.#generation
    return { boot: this.#bootId, durability: this.#durability, generation, clean }
  }

  #write(queue: () => void): Written {
    const written = this.#environment.write(queue)
    this.#last = written
    written.flushed.catch((error) => {
      this.#flushFailure = error
    })
    return written
  }

  /** Flushing goes on behind the commits: that it failed is told to the next one. */
  #throwFlushFailure(): void {
    const failure = this.#flushFailure
    this.#flushFailure = undefined
    if (failure !== undefined) throw failure
  }

  #first(range: { start: number[]; end: number[]; reverse?: boolean }): Place | undefined {
    const [entry] = this.#read(() => [...this.#messages.getRange({ ...range, limit: 1 })])
    return entry && { offset: entry.key[1] as number, time: readMessageTime(entry.value) }
  }

  /** Reads. After an error the other reads of this turn start afresh. */
  #read<T>(read: () => T): T {
    this.#environment.check()
    try {
      return read()
    } catch (error) {
      this.#environment.refresh()
      throw error
    }
  }

  /** Makes room in the slab for the values of all changes. Returns how many bytes they may take. */
  #makeRoom(changes: readonly Change[]): number {
    let size = 0
    for (const change of changes) {
      if (change.kind === 'append') size += messageSize(change.message) + PLACE_LENGTH
    }
    if (size > this.#slab.length) this.#slab = Buffer.allocUnsafeSlow(size)
    return size
  }

  /** Queues a change's writes; their values go into the slab from `start`. Returns the end. */
  #apply(change: Change, start: number): number {
    switch (change.kind) {
      case 'append':
        return this.#append(change.room, change.user, change.id, change.message, start)
      case 'room':
        void this.#rooms.put(change.name, toStored(change.record, this.#generation))
        if (change.record.key > this.lastKey()) void this.#meta.put('lastKey', change.record.key)
        break
      case 'trim':
        void this.#messages.remove([change.room, change.offset])
        if (change.author !== undefined) {
          void this.#ids.remove([change.room, change.author.user, change.author.id])
        }
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
        void this.#meta.put('probe', PROBE)
        break
    }
    return start
  }

  #append(room: number, user: string, id: string, message: LogMessage, start: number): number {
    const middle = writeMessage(message, this.#slab, start)
    const end = writePlace(message, this.#slab, middle)
    this.#messageKey[0] = room
    this.#messageKey[1] = message.offset
    void this.#messages.put(this.#messageKey, this.#slab.subarray(start, middle))
    void this.#ids.put(this.#idKey(room, user, id), this.#slab.subarray(middle, end))
    return end
  }

  #idKey(room: number, user: string, id: string): [number, string, string] {
    this.#key[0] = room
    this.#key[1] = user
    this.#key[2] = id
    return this.#key
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

/** Options of a database of bytes under keys of our own format. */
function binary(keyEncoder: object) {
  return { encoding: 'binary', keyEncoder } as const
}

interface Meta {
  epoch: StoreEpoch
  lastKey: number
  life: {
    readonly boot: string
    readonly durability: Durability
    /** How often a tail may have been lost so far. */
    readonly generation: number
    /** It ended with `close`. */
    readonly clean: boolean
  }
  probe: string
}

/** What a probe writes: as much as a few messages, so that success means something. */
const PROBE = 'x'.repeat(64 * 1024)

/**
 * A record on disk. Its epoch is good for the generation in which it was given; in later ones the
 * room's epoch has the generation's number at its end, so that a new generation costs no write.
 */
interface StoredRecord {
  readonly key: number
  readonly epoch: string
  readonly generation: number
  readonly trimmed: number
}

function fromStored({ key, epoch, generation, trimmed }: StoredRecord, now: number): RoomRecord {
  return { key, epoch: generation === now ? epoch : `${epoch}.${now}`, trimmed }
}

function toStored({ key, epoch, trimmed }: RoomRecord, now: number): StoredRecord {
  const [base = epoch, since] = epoch.split('.')
  return { key, epoch: base, generation: since === undefined ? now : EARLIER, trimmed }
}

const EARLIER = -1

function systemBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Elsewhere the time of the start, to ten minutes.
    return String(Math.round((Date.now() / 1000 - uptime()) / 600))
  }
}
