import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { LogMessage, Remembered } from '../broker.js'
import { type DirectoryLock, lockDirectory } from './directory-lock.js'
import type { JournalBase } from './journal-base.js'
import { endOf, type LastEnd, systemBootId } from './last-end.js'
import { readMessage, readMessageTime, readPlace } from './lmdb-codec.js'
import { fromStored, type LmdbDatabases, type Meta, openDatabases } from './lmdb-databases.js'
import { LmdbEnvironment, type Written } from './lmdb-environment.js'
import { countIn, firstIn, idKeysIn, namesIn, valuesIn } from './lmdb-ranges.js'
import { LmdbWriter } from './lmdb-writer.js'
import { type Slice, sliceSize } from './slice.js'
import type {
  Change,
  Durability,
  Life,
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
export async function openLmdbStore(options: LmdbStoreOptions): Promise<JournalBase> {
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

class LmdbStore implements JournalBase {
  readonly #environment: LmdbEnvironment
  readonly #databases: LmdbDatabases
  readonly #lock: DirectoryLock
  readonly #bootId: string
  #writer: LmdbWriter
  #generation = 0
  #durability: Durability = 'commit'
  #started = false
  #last: Written | undefined
  #flushFailure: Error | undefined

  constructor(environment: LmdbEnvironment, lock: DirectoryLock, bootId: string) {
    this.#environment = environment
    this.#databases = openDatabases(environment.root)
    this.#writer = new LmdbWriter(this.#databases, 0)
    this.#lock = lock
    this.#bootId = bootId
  }

  async start({ durability, epoch }: Life): Promise<void> {
    const lostTail = this.lastEnd() === 'cut'
    this.#durability = durability
    this.#generation = (this.#meta('life')?.generation ?? 0) + (lostTail ? 1 : 0)
    this.#writer = new LmdbWriter(this.#databases, this.#generation)
    const isNew = this.#meta('epoch') === undefined
    await this.#putLife(false, isNew || lostTail ? epoch : undefined)
    this.#started = true
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
    return this.#meta('epoch') ?? { epoch: '', key: 0 }
  }

  lastKey(): number {
    return this.#meta('lastKey') ?? 0
  }

  room(name: string): RoomRecord | undefined {
    const stored = this.#read(() => this.#databases.rooms.get(name))
    return stored && fromStored(stored, this.#generation)
  }

  roomNames(query: NamesQuery): string[] {
    return this.#read(() => namesIn(this.#databases, query))
  }

  newest(room: number): Place | undefined {
    const range = { start: [room + 1, 0], end: [room, 0], reverse: true }
    return this.#read(() => firstIn(this.#databases, range))
  }

  oldest(room: number): Place | undefined {
    const range = { start: [room, 0], end: [room + 1, 0] }
    return this.#read(() => firstIn(this.#databases, range))
  }

  timeOf(room: number, offset: number): number | undefined {
    const bytes = this.#read(() => this.#databases.messages.getBinaryFast([room, offset]))
    return bytes && readMessageTime(bytes)
  }

  *messages(room: number, from: number, to: number): Generator<LogMessage, void> {
    const reverse = from > to
    const range = { start: [room, from], end: [room, reverse ? to - 1 : to + 1], reverse }
    this.#environment.check()
    try {
      for (const { key, value } of this.#databases.messages.getRange(range)) {
        yield readMessage(key[1] as number, value)
      }
    } catch (error) {
      this.#environment.refresh()
      throw error
    }
  }

  find(room: number, user: string, id: string): Place | undefined {
    const bytes = this.#read(() => this.#databases.ids.getBinaryFast([room, user, id]))
    return bytes && readPlace(bytes)
  }

  idCount(): number {
    return this.#read(() => countIn(this.#databases.rawIds))
  }

  idKeys(after: Buffer | undefined, limit: number): Buffer[] {
    return this.#read(() => idKeysIn(this.#databases, after, limit))
  }

  values(): Remembered[] {
    return this.#read(() => valuesIn(this.#databases))
  }

  discarded(): number | undefined {
    const [key] = this.#read(() => [...this.#databases.garbage.getKeys({ limit: 1 })])
    return key
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#throwFlushFailure()
    await this.#environment.reserve(changes.length, this.#writer.prepare(changes))
    await this.#write(() => this.#writer.write(changes)).visible
  }

  generation(): number {
    return this.#generation
  }

  lastEnd(): LastEnd {
    return endOf(this.#meta('life'), this.#bootId)
  }

  absorbed(): number | undefined {
    return this.#meta('absorbed')
  }

  async absorb(slice: Slice): Promise<void> {
    this.#throwFlushFailure()
    await this.#environment.reserve(2 * slice.entries.length + FEW, sliceSize(slice))
    await this.#write(() => this.#writer.absorb(slice)).visible
  }

  async flush(): Promise<void> {
    await this.#last?.flushed
  }

  async close(complete = true): Promise<void> {
    try {
      if (this.#started && complete) await this.#putLife(true)
    } catch {
      // The next start finds that this life did not end well, which is the truth.
    }
    await this.#environment.close()
    await this.#lock.release()
  }

  #meta<K extends keyof Meta>(key: K): Meta[K] | undefined {
    return this.#read(() => this.#databases.meta.get(key)) as Meta[K] | undefined
  }

  /** Says how this life stands, and begins an epoch with it if there is one to begin. */
  async #putLife(clean: boolean, epoch?: string): Promise<void> {
    const { meta } = this.#databases
    const life = {
      boot: this.#bootId,
      durability: this.#durability,
      generation: this.#generation,
      clean,
    }
    const key = this.lastKey()
    await this.#environment.reserve(FEW, 0)
    await this.#write(() => {
      if (epoch !== undefined) void meta.put('epoch', { epoch, key })
      void meta.put('life', life)
    }).flushed
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
}

/** Entries of a transaction that writes next to nothing. */
const FEW = 8
