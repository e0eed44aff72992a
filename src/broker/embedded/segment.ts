import type { LogMessage } from '../broker.js'
import { hashOf } from './id-filter.js'
import {
  BATCH_HEAD,
  EntryCursor,
  entrySize,
  HEADER_LENGTH,
  type JournaledChange,
  type SegmentHeader,
  sealBatch,
  writeEntry,
  writeHeader,
} from './journal-codec.js'
import type { KnownIds } from './known-ids.js'
import { idKeyOf, readMessage, readMessageTime, readPlace } from './lmdb-codec.js'
import { SortedNames } from './sorted-names.js'
import type { Place, RoomRecord } from './store.js'

/** A room's messages in a segment: those from `first` on, without a hole. */
class Tail {
  readonly first: number
  /** Where their entries are in the image. */
  readonly entries: number[] = []
  /** `hashOf` of their ids. */
  readonly hashes: number[] = []

  constructor(first: number) {
    this.first = first
  }
}

/**
 * What was written to the journal and is not in the store yet: the image of the file, and what is
 * in it by room. Nothing is decoded before somebody asks for it, and nothing of a message is kept
 * but where it is.
 */
export class Segment {
  readonly header: SegmentHeader
  readonly image: Buffer
  readonly #rooms = new Map<string, { record: RoomRecord; entry: number }>()
  readonly #names = new SortedNames()
  readonly #tails = new Map<number, Tail>()
  readonly #cursor: EntryCursor
  /** Entries of the batch that is being written. */
  #entries: number[] = []
  /** How far the image is in the file; 0 = not even the header. */
  #written = 0

  constructor(header: SegmentHeader, image: Buffer) {
    this.header = header
    this.image = image
    this.#cursor = new EntryCursor(image)
    writeHeader(header, image)
  }

  get written(): number {
    return this.#written
  }

  get isEmpty(): boolean {
    return this.#tails.size === 0 && this.#rooms.size === 0
  }

  /** Whether there is space for a batch of this size. */
  fits(size: number): boolean {
    return Math.max(this.#written, HEADER_LENGTH) + size <= this.image.length
  }

  /** Puts a batch behind what was written. Returns its end; it counts only once it is accepted. */
  encode(changes: readonly JournaledChange[], generation: number): number {
    const start = Math.max(this.#written, HEADER_LENGTH)
    let end = start + BATCH_HEAD
    this.#entries = []
    for (const change of changes) {
      this.#entries.push(end)
      end = writeEntry(change, generation, this.image, end)
    }
    sealBatch(this.image, start, end, this.header.seed)
    return end
  }

  /** Takes in the batch that was encoded last and has been written; `ids` learns of its ids. */
  accept(changes: readonly JournaledChange[], end: number, ids: KnownIds): void {
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i] as JournaledChange
      const entry = this.#entries[i] as number
      if (change.kind === 'append') ids.add(this.#add(change.room, change.message.offset, entry))
      else {
        if (!this.#rooms.has(change.name)) this.#names.add(change.name)
        this.#rooms.set(change.name, { record: change.record, entry })
      }
    }
    this.#written = end
  }

  /** Makes what is behind the written part mean nothing. Returns the end of what was made so. */
  clear(size: number): number {
    const start = Math.max(this.#written, HEADER_LENGTH)
    const end = Math.min(start + size, this.image.length)
    this.image.fill(0, start, end)
    return end
  }

  /** The header has been written by itself. */
  begin(): void {
    this.#written = Math.max(this.#written, HEADER_LENGTH)
  }

  /** Returns the `hashOf` of its id. */
  #add(room: number, offset: number, entry: number): number {
    let tail = this.#tails.get(room)
    if (tail === undefined) {
      tail = new Tail(offset)
      this.#tails.set(room, tail)
    }
    this.#cursor.at = entry
    const hash = hashOf(this.image, this.#cursor.idKey, this.#cursor.value)
    tail.entries.push(entry)
    tail.hashes.push(hash)
    return hash
  }

  /** The record of a room, when it is new or was changed. */
  room(name: string): RoomRecord | undefined {
    return this.#rooms.get(name)?.record
  }

  /** Names of new and changed rooms, ascending by code point, from the first not below `from`. */
  names(from: string): Iterable<string> {
    return this.#names.from(from)
  }

  get hasRooms(): boolean {
    return this.#rooms.size > 0
  }

  /** The oldest message of a room here, or undefined when there is none. */
  first(room: number): number | undefined {
    return this.#tails.get(room)?.first
  }

  newest(room: number): Place | undefined {
    const tail = this.#tails.get(room)
    return tail && this.#placeOf(tail.entries[tail.entries.length - 1] as number)
  }

  oldest(room: number): Place | undefined {
    const tail = this.#tails.get(room)
    return tail && this.#placeOf(tail.entries[0] as number)
  }

  timeOf(room: number, offset: number): number | undefined {
    const entry = this.#entryOf(room, offset)
    if (entry === undefined) return
    this.#cursor.at = entry
    return readMessageTime(this.image.subarray(this.#cursor.value))
  }

  /** Looks at all that the room has here. @param hash `hashOfId` of these */
  find(room: number, user: string, id: string, hash: number): Place | undefined {
    const tail = this.#tails.get(room)
    if (tail === undefined) return undefined
    const key = idKeyOf(room, user, id)
    for (let i = tail.hashes.indexOf(hash); i >= 0; i = tail.hashes.indexOf(hash, i + 1)) {
      const entry = tail.entries[i] as number
      this.#cursor.at = entry
      const { idKey, value } = this.#cursor
      if (this.image.compare(key, 0, key.length, idKey, value) === 0) return this.#placeOf(entry)
    }
    return undefined
  }

  /** `hashOf` of the ids of all messages. */
  *hashes(): Generator<number, void> {
    for (const { hashes } of this.#tails.values()) yield* hashes
  }

  message(room: number, offset: number): LogMessage | undefined {
    const entry = this.#entryOf(room, offset)
    if (entry === undefined) return
    this.#cursor.at = entry
    return readMessage(offset, this.image.subarray(this.#cursor.value, this.#cursor.valueEnd))
  }

  /** All entries that count: rooms first, then messages, those of a room together and in order. */
  *entries(): Generator<number, void> {
    for (const { entry } of this.#rooms.values()) yield entry
    for (const { entries } of this.#tails.values()) yield* entries
  }

  #entryOf(room: number, offset: number): number | undefined {
    const tail = this.#tails.get(room)
    return tail?.entries[offset - tail.first]
  }

  #placeOf(entry: number): Place {
    this.#cursor.at = entry
    return readPlace(this.image.subarray(this.#cursor.place))
  }
}

/** Most bytes that a batch of these changes takes in a segment. */
export function batchSize(changes: readonly JournaledChange[]): number {
  let size = BATCH_HEAD
  for (const change of changes) size += entrySize(change)
  return size
}
