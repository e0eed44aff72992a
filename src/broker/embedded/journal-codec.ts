import { crc32 } from 'node:zlib'
import {
  idKeys,
  messageKeys,
  messageSize,
  PLACE_LENGTH,
  writeMessage,
  writePlace,
} from './lmdb-codec.js'
import type { Change, RoomRecord } from './store.js'

/**
 * The byte format of a journal segment, version 1. Numbers are unsigned and big-endian.
 *
 *   segment   header (32 bytes), then batches one after the other
 *   header    'PRLYJNL1', number (6), end of the segment before (6), seed (4), CRC-32 of these (4)
 *   batch     length of the entries (4), their CRC-32 begun with seed + place (4), entries
 *   entry     kind (1), length of the id's key (2), length of the value (4), then
 *     message   key (12), place (12), the id's key, the value: as the LMDB store keeps them
 *     room      JSON: name, record, generation
 *
 * A file is written over again and again, so that what stands behind the last batch is of an
 * earlier segment: its CRC does not fit the seed of this one.
 */
export const HEADER_LENGTH = 32
export const BATCH_HEAD = 8
const ENTRY_HEAD = 7
const MESSAGE_KEY = 12
const MAGIC = Buffer.from('PRLYJNL1', 'latin1')

const Kind = { message: 1, room: 2 } as const

/** What a journal takes: all else goes to the store itself. */
export type JournaledChange = Extract<Change, { kind: 'append' | 'room' }>

export interface SegmentHeader {
  readonly number: number
  /** Where the segment before this one ended, so that a torn one is not taken for a whole one. */
  readonly previousEnd: number
  readonly seed: number
}

export function writeHeader(header: SegmentHeader, image: Buffer): void {
  MAGIC.copy(image)
  image.writeUIntBE(header.number, 8, 6)
  image.writeUIntBE(header.previousEnd, 14, 6)
  image.writeUInt32BE(header.seed, 20)
  image.writeUInt32BE(crc32(image.subarray(0, 24)), 24)
  image.writeUInt32BE(0, 28)
}

/** Undefined when there is none. */
export function readHeader(image: Buffer): SegmentHeader | undefined {
  if (image.length < HEADER_LENGTH || !image.subarray(0, MAGIC.length).equals(MAGIC)) return
  if (image.readUInt32BE(24) !== crc32(image.subarray(0, 24))) return
  return {
    number: image.readUIntBE(8, 6),
    previousEnd: image.readUIntBE(14, 6),
    seed: image.readUInt32BE(20),
  }
}

/** Most bytes that a change takes. */
export function entrySize(change: JournaledChange): number {
  if (change.kind === 'room')
    return ENTRY_HEAD + 3 * (change.name.length + change.record.epoch.length) + 200
  const { user, id, message } = change
  const key = 7 + 3 * (user.length + id.length)
  return ENTRY_HEAD + MESSAGE_KEY + PLACE_LENGTH + key + messageSize(message)
}

const messageKey: [number, number] = [0, 0]
const idKey: [number, string, string] = [0, '', '']

/** Writes an entry; returns its end. `generation`: see `StoredRecord`. */
export function writeEntry(
  change: JournaledChange,
  generation: number,
  image: Buffer,
  start: number,
): number {
  const body = start + ENTRY_HEAD
  if (change.kind === 'room') {
    const { name, record } = change
    const end = body + image.write(JSON.stringify({ name, record, generation }), body)
    writeEntryHead(image, start, Kind.room, 0, end - body)
    return end
  }
  const { room, user, id, message } = change
  messageKey[0] = room
  messageKey[1] = message.offset
  const place = messageKeys.writeKey(messageKey, image, body)
  const keyStart = writePlace(message, image, place)
  idKey[0] = room
  idKey[1] = user
  idKey[2] = id
  const keyEnd = idKeys.writeKey(idKey, image, keyStart)
  const end = writeMessage(message, image, keyEnd)
  writeEntryHead(image, start, Kind.message, keyEnd - keyStart, end - keyEnd)
  return end
}

function writeEntryHead(
  image: Buffer,
  at: number,
  kind: number,
  keyLength: number,
  valueLength: number,
): void {
  image[at] = kind
  image.writeUInt16BE(keyLength, at + 1)
  image.writeUInt32BE(valueLength, at + 3)
}

/** Completes a batch whose entries were written from `start + BATCH_HEAD` to `end`. */
export function sealBatch(image: Buffer, start: number, end: number, seed: number): void {
  const entries = image.subarray(start + BATCH_HEAD, end)
  image.writeUInt32BE(entries.length, start)
  image.writeUInt32BE(crc32(entries, startOfCrc(seed, start)), start + 4)
}

/** End of the whole batch at `start`; undefined when there is none. */
export function batchEnd(image: Buffer, start: number, seed: number): number | undefined {
  if (start + BATCH_HEAD > image.length) return
  const end = start + BATCH_HEAD + image.readUInt32BE(start)
  if (end === start + BATCH_HEAD || end > image.length) return
  const crc = crc32(image.subarray(start + BATCH_HEAD, end), startOfCrc(seed, start))
  return crc === image.readUInt32BE(start + 4) ? end : undefined
}

/** A batch counts only in the segment, and at the place in it, that it was written for. */
function startOfCrc(seed: number, start: number): number {
  return (seed + start) % 2 ** 32
}

/** A room's record as it stands in the journal. */
export interface RoomEntry {
  readonly name: string
  readonly record: RoomRecord
  readonly generation: number
}

/** Reads entries in place: set `at` to where one starts. One cursor serves for any number. */
export class EntryCursor {
  readonly image: Buffer
  at = 0

  constructor(image: Buffer) {
    this.image = image
  }

  get isMessage(): boolean {
    return this.image[this.at] === Kind.message
  }

  /** Where the next entry starts. */
  get end(): number {
    return this.valueEnd
  }

  /** The room's record, of an entry that is no message. */
  room(): RoomEntry {
    return JSON.parse(this.image.toString('utf8', this.at + ENTRY_HEAD, this.valueEnd))
  }

  get key(): number {
    return this.at + ENTRY_HEAD
  }

  get place(): number {
    return this.key + MESSAGE_KEY
  }

  get idKey(): number {
    return this.place + PLACE_LENGTH
  }

  get value(): number {
    return this.idKey + this.image.readUInt16BE(this.at + 1)
  }

  get valueEnd(): number {
    const length = this.image.readUInt32BE(this.at + 3)
    return this.isMessage ? this.value + length : this.at + ENTRY_HEAD + length
  }
}
