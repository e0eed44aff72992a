import type { LogMessage, Remembered } from '../broker.js'
import { compareCodePoints, SortedNames } from './sorted-names.js'
import type { Change, LogStore, NamesQuery, Place, RoomRecord, StoreEpoch } from './store.js'

/** A store that keeps nothing beyond the process. For `DATA_DIR=:memory:` and for tests. */
export function createMemoryStore(): LogStore {
  return new MemoryStore()
}

interface RoomLog {
  /** `messages[0]` has offset `start`. Removed ones at the front are undefined. */
  messages: (LogMessage | undefined)[]
  start: number
  removed: number
  readonly ids: Map<string, Place>
}

class MemoryStore implements LogStore {
  readonly #records = new Map<string, RoomRecord>()
  readonly #names = new SortedNames()
  readonly #logs = new Map<number, RoomLog>()
  readonly #discarded = new Set<number>()
  readonly #values = new Map<string, Remembered>()
  #epoch: StoreEpoch = { epoch: '', key: 0 }
  #lastKey = 0

  async start(life: { epoch: string }): Promise<void> {
    if (this.#epoch.epoch === '') this.#epoch = { epoch: life.epoch, key: 0 }
  }

  problem(): undefined {
    return undefined
  }

  epoch(): StoreEpoch {
    return this.#epoch
  }

  lastKey(): number {
    return this.#lastKey
  }

  room(name: string): RoomRecord | undefined {
    return this.#records.get(name)
  }

  roomNames({ prefix = '', after, limit }: NamesQuery): string[] {
    const names: string[] = []
    const start = after !== undefined && compareCodePoints(after, prefix) > 0 ? after : prefix
    for (const name of this.#names.from(start)) {
      if (names.length === limit || !name.startsWith(prefix)) break
      if (name !== after) names.push(name)
    }
    return names
  }

  newest(room: number): Place | undefined {
    const log = this.#logs.get(room)
    return log?.messages[log.messages.length - 1]
  }

  oldest(room: number): Place | undefined {
    const log = this.#logs.get(room)
    return log?.messages[log.removed]
  }

  timeOf(room: number, offset: number): number | undefined {
    const log = this.#logs.get(room)
    return log?.messages[offset - log.start]?.time
  }

  *messages(room: number, from: number, to: number): Generator<LogMessage, void> {
    const log = this.#logs.get(room)
    if (log === undefined) return
    const step = from > to ? -1 : 1
    for (let offset = from; offset !== to + step; offset += step) {
      const message = log.messages[offset - log.start]
      if (message !== undefined) yield message
    }
  }

  find(room: number, user: string, id: string): Place | undefined {
    return this.#logs.get(room)?.ids.get(idKey(user, id))
  }

  values(): Iterable<Remembered> {
    return this.#values.values()
  }

  discarded(): number | undefined {
    for (const key of this.#discarded) return key
    return undefined
  }

  async commit(changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#apply(change)
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  #apply(change: Change): void {
    switch (change.kind) {
      case 'epoch':
        this.#epoch = { epoch: change.epoch, key: this.#lastKey }
        return
      case 'room':
        if (!this.#records.has(change.name)) this.#names.add(change.name)
        this.#records.set(change.name, change.record)
        this.#lastKey = Math.max(this.#lastKey, change.record.key)
        return
      case 'forget':
        if (this.#records.delete(change.name)) this.#names.delete(change.name)
        return
      case 'append':
        this.#append(change.room, idKey(change.user, change.id), change.message)
        return
      case 'trim':
        this.#trim(change.room, change.offset, change.author)
        return
      case 'discard':
        if (this.#logs.has(change.room)) this.#discarded.add(change.room)
        return
      case 'sweep':
        this.#logs.delete(change.room)
        this.#discarded.delete(change.room)
        return
      case 'keep':
        this.#values.set(change.value.key, change.value)
        return
      case 'drop':
        this.#values.delete(change.key)
        return
      case 'probe':
        return
    }
  }

  #append(room: number, id: string, message: LogMessage): void {
    let log = this.#logs.get(room)
    if (log === undefined) {
      log = { messages: [], start: message.offset, removed: 0, ids: new Map() }
      this.#logs.set(room, log)
    }
    log.messages.push(message)
    log.ids.set(id, { offset: message.offset, time: message.time })
  }

  #trim(room: number, offset: number, author?: { user: string; id: string }): void {
    const log = this.#logs.get(room)
    if (log === undefined) return
    log.messages[offset - log.start] = undefined
    if (author !== undefined) log.ids.delete(idKey(author.user, author.id))
    log.removed++
    if (log.removed === log.messages.length) this.#logs.delete(room)
    else if (log.removed > 1000 && log.removed * 2 > log.messages.length) {
      log.messages = log.messages.slice(log.removed)
      log.start += log.removed
      log.removed = 0
    }
  }
}

function idKey(user: string, id: string): string {
  return `${user}\u0000${id}`
}
