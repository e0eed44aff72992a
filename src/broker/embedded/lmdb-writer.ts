import type { LogMessage } from '../broker.js'
import { EntryCursor } from './journal-codec.js'
import { messageSize, PLACE_LENGTH, writeMessage, writePlace } from './lmdb-codec.js'
import { type LmdbDatabases, toStored } from './lmdb-databases.js'
import type { Slice } from './slice.js'
import type { Change } from './store.js'

/** Turns changes into the writes of one transaction. */
export class LmdbWriter {
  readonly #databases: LmdbDatabases
  readonly #generation: number
  /** The values of one transaction, which LMDB's thread reads until it is committed. */
  #slab = Buffer.allocUnsafeSlow(1024 * 1024)
  /** Keys of the hot path: what they hold is copied at once, so that they can be used again. */
  readonly #messageKey: [number, number] = [0, 0]
  readonly #idKey: [number, string, string] = [0, '', '']

  constructor(databases: LmdbDatabases, generation: number) {
    this.#databases = databases
    this.#generation = generation
  }

  /** Makes room for the values of all changes. Returns how many bytes they may take. */
  prepare(changes: readonly Change[]): number {
    let size = 0
    for (const change of changes) {
      if (change.kind === 'append') size += messageSize(change.message) + PLACE_LENGTH
    }
    if (size > this.#slab.length) this.#slab = Buffer.allocUnsafeSlow(size)
    return size
  }

  /** Queues the writes of all changes, for which `prepare` made room. */
  write(changes: readonly Change[]): void {
    let end = 0
    for (const change of changes) {
      if (change.kind === 'append') {
        const { room, user, id, message } = change
        end = this.#append(room, user, id, message, end)
      } else this.#apply(change)
    }
  }

  /** Queues the writes of entries of a journal, whose image is not to be changed until then. */
  absorb({ image, entries, completes }: Slice): void {
    const { rawMessages, rawIds, rooms, meta } = this.#databases
    const entry = new EntryCursor(image)
    let lastKey = 0
    for (const at of entries) {
      entry.at = at
      if (entry.isMessage) {
        const { key, place, idKey, value, end } = entry
        void rawMessages.put(image.subarray(key, place), image.subarray(value, end))
        void rawIds.put(image.subarray(idKey, value), image.subarray(place, idKey))
      } else {
        const { name, record, generation } = entry.room()
        void rooms.put(name, toStored(record, generation))
        lastKey = Math.max(lastKey, record.key)
      }
    }
    if (lastKey > ((meta.get('lastKey') as number | undefined) ?? 0))
      void meta.put('lastKey', lastKey)
    if (completes !== undefined) void meta.put('absorbed', completes)
  }

  #append(room: number, user: string, id: string, message: LogMessage, start: number): number {
    const middle = writeMessage(message, this.#slab, start)
    const end = writePlace(message, this.#slab, middle)
    const messageKey = this.#messageKey
    messageKey[0] = room
    messageKey[1] = message.offset
    void this.#databases.messages.put(messageKey, this.#slab.subarray(start, middle))
    const idKey = this.#idKey
    idKey[0] = room
    idKey[1] = user
    idKey[2] = id
    void this.#databases.ids.put(idKey, this.#slab.subarray(middle, end))
    return end
  }

  #apply(change: Exclude<Change, { kind: 'append' }>): void {
    const { meta, rooms, messages, ids, garbage, values } = this.#databases
    const lastKey = () => (meta.get('lastKey') as number | undefined) ?? 0
    switch (change.kind) {
      case 'room':
        void rooms.put(change.name, toStored(change.record, this.#generation))
        if (change.record.key > lastKey()) void meta.put('lastKey', change.record.key)
        return
      case 'trim':
        void messages.remove([change.room, change.offset])
        if (change.author === undefined) return
        void ids.remove([change.room, change.author.user, change.author.id])
        return
      case 'forget':
        void rooms.remove(change.name)
        return
      case 'epoch':
        void meta.put('epoch', { epoch: change.epoch, key: change.key ?? lastKey() })
        return
      case 'discard':
        void garbage.put(change.room, true)
        return
      case 'sweep':
        this.#sweep(change.room, change.limit)
        return
      case 'keep': {
        const { key, ...value } = change.value
        void values.put(key, value)
        return
      }
      case 'drop':
        void values.remove(change.key)
        return
      case 'probe':
        void meta.put('probe', PROBE)
        return
    }
  }

  #sweep(room: number, limit: number): void {
    const { messages, ids, garbage } = this.#databases
    let left = limit
    for (const key of messages.getKeys({ start: [room, 0], end: [room + 1, 0], limit })) {
      void messages.remove(key)
      left--
    }
    for (const key of ids.getKeys({ start: [room], end: [room + 1], limit: left })) {
      void ids.remove(key)
      left--
    }
    if (left > 0) void garbage.remove(room)
  }
}

/** What a probe writes: as much as a few messages, so that success means something. */
const PROBE = 'x'.repeat(64 * 1024)
