import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { lockDirectory } from './directory-lock.js'
import type { Damage } from './lmdb-walk.js'
import { LogReading, type ReadMessage, type ReadRoom } from './log-reading.js'
import { openLogStore } from './log-store.js'
import type { Change, LogStore } from './store.js'
import { UnusableLog } from './unusable-log.js'

export interface SalvageOptions {
  /** Directory of the log to read. Nothing in it is changed. */
  readonly from: string
  /** Directory of the new log: missing or empty. */
  readonly to: string
  /** A fresh random epoch. */
  readonly newEpoch: () => string
}

/** What is in the new log. */
export interface Salvaged {
  /** What is wrong with the old one. */
  readonly damages: readonly Damage[]
  readonly rooms: number
  readonly messages: number
  /** Rooms in the middle of whose log messages are missing. */
  readonly gaps: readonly { readonly room: string; readonly missing: number }[]
  /** Tickets, revocations and the like. */
  readonly values: number
}

/**
 * Writes everything that can be read of a log into a new one. Every room gets a new epoch, because
 * newer messages than those that are left may have been seen: clients are told so, and none takes
 * its old position for one in the new log. Offsets stay what they were; where messages are missing
 * in the middle, older ones move up to the next one that is there, so that there is no hole.
 */
export async function salvage({ from, to, newEpoch }: SalvageOptions): Promise<Salvaged> {
  const dataPath = join(from, 'data.mdb')
  if (!existsSync(dataPath))
    throw new UnusableLog(`${dataPath} is missing: there is no log to read`)
  mkdirSync(to, { recursive: true, mode: 0o700 })
  if (readdirSync(to).length > 0) throw new UnusableLog(`${to} is not empty`)
  const lock = await lockDirectory(from, process.pid, 'salvage')
  try {
    const reading = new LogReading(from)
    try {
      const store = await openLogStore({ dir: to })
      try {
        await store.start({ durability: 'flush', epoch: newEpoch() })
        return await new Copying(reading, store, newEpoch).run()
      } finally {
        await store.close()
      }
    } finally {
      reading.close()
    }
  } finally {
    await lock.release()
  }
}

class Copying {
  readonly #reading: LogReading
  readonly #store: LogStore
  readonly #newEpoch: () => string
  #changes: Change[] = []
  #size = 0
  #messages = 0

  constructor(reading: LogReading, store: LogStore, newEpoch: () => string) {
    this.#reading = reading
    this.#store = store
    this.#newEpoch = newEpoch
  }

  async run(): Promise<Salvaged> {
    const { rooms, values, damages } = this.#reading
    for (const value of values) await this.#add({ kind: 'keep', value }, value.value.length)
    const keys = new Map<number, number>()
    const written = new Map<number, number>()
    for (const message of this.#reading.messages()) {
      const { key } = message
      const room = rooms.get(key) as ReadRoom
      const before = written.get(key) ?? 0
      if (before === 0) {
        keys.set(key, keys.size + 1)
        await this.#beginRoom(room, keys.get(key) as number)
      }
      written.set(key, before + 1)
      const offset = room.last - room.count + 1 + before
      await this.#append(keys.get(key) as number, message, offset)
    }
    await this.#commit()
    await this.#store.flush()
    const gaps = [...rooms.values()]
      .map(({ name, first, last, count }) => ({ room: name, missing: last - first + 1 - count }))
      .filter(({ missing }) => missing > 0)
    return { damages, rooms: keys.size, messages: this.#messages, gaps, values: values.length }
  }

  #beginRoom({ name, last, count }: ReadRoom, key: number): Promise<void> {
    const record = { key, epoch: this.#newEpoch(), trimmed: last - count }
    return this.#add({ kind: 'room', name, record }, name.length)
  }

  #append(room: number, message: ReadMessage, offset: number): Promise<void> {
    const { user, id, time } = message
    this.#messages++
    const json = message.json.replace(/"offset":\d+/, `"offset":${offset}`)
    const change: Change = { kind: 'append', room, user, id, message: { offset, time, json } }
    return this.#add(change, json.length)
  }

  async #add(change: Change, size: number): Promise<void> {
    this.#changes.push(change)
    this.#size += size
    if (this.#changes.length >= MAX_CHANGES || this.#size >= MAX_SIZE) await this.#commit()
  }

  async #commit(): Promise<void> {
    const changes = this.#changes
    this.#changes = []
    this.#size = 0
    if (changes.length > 0) await this.#store.commit(changes)
  }
}

/** Of one transaction. */
const MAX_CHANGES = 2000
const MAX_SIZE = 4 * 1024 * 1024
