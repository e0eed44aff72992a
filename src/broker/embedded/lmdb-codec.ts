import { crc32 } from 'node:zlib'
import type { LogMessage } from '../broker.js'
import { LostMessage, MAX_NAME_LENGTH, type Place } from './store.js'

/**
 * The byte format of the LMDB store, version 1. Numbers are unsigned and big-endian, so that keys
 * sort by them.
 *
 *   room      key: UTF-8                         value: record as JSON
 *   message   key: room (6 bytes), offset (6)    value: CRC-32 of the rest (4), time (6), JSON
 *   id        key: room (6), user, 0xff, id      value: offset (6), time (6)
 */

/** Room names and the like. */
export const nameKeys = {
  writeKey(name: string, target: Buffer, start: number): number {
    return writeText(name, target, start)
  },
  readKey(source: Buffer, start: number, end: number): string {
    return source.toString('utf8', start, end)
  },
}

/** Keys `[room, offset]`. */
export const messageKeys = {
  writeKey([room, offset]: [number, number], target: Buffer, start: number): number {
    return target.writeUIntBE(offset, target.writeUIntBE(room, start, 6), 6)
  },
  readKey(source: Buffer, start: number): [number, number] {
    return [source.readUIntBE(start, 6), source.readUIntBE(start + 6, 6)]
  },
}

/** Not a byte of UTF-8: no user and id can be mistaken for another pair. */
export const SEPARATOR = 0xff

/** Keys `[room, user, id]`, and `[room]`, which is below all keys of the room. */
export const idKeys = {
  writeKey([room, user, id]: IdKey, target: Buffer, start: number): number {
    let end = target.writeUIntBE(room, start, 6)
    if (user === undefined || id === undefined) return end
    end = writeText(user, target, end)
    target[end++] = SEPARATOR
    return writeText(id, target, end)
  },
  readKey(source: Buffer, start: number, end: number): IdKey {
    const separator = source.indexOf(SEPARATOR, start + 6)
    return [
      source.readUIntBE(start, 6),
      source.toString('utf8', start + 6, separator),
      source.toString('utf8', separator + 1, end),
    ]
  },
}

/** Writes UTF-8. Names are short and mostly ASCII: a call out of JavaScript costs more than that. */
function writeText(text: string, target: Buffer, start: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return start + target.write(text, start)
    target[start + i] = unit
  }
  return start + text.length
}

/** An id's key in bytes that are used again by the next call. */
export function idKeyOf(room: number, user: string, id: string): Buffer {
  scratchKey[0] = room
  scratchKey[1] = user
  scratchKey[2] = id
  return scratch.subarray(0, idKeys.writeKey(scratchKey, scratch, 0))
}

const scratch = Buffer.allocUnsafeSlow(7 + 3 * MAX_NAME_LENGTH)
const scratchKey: [number, string, string] = [0, '', '']

type IdKey = readonly [room: number, user?: string, id?: string]

const MESSAGE_HEAD = 10
export const PLACE_LENGTH = 12

/** Most bytes that a message takes in the store. */
export function messageSize(message: LogMessage): number {
  return MESSAGE_HEAD + message.json.length * 3
}

/** Writes a message's value; returns the end. */
export function writeMessage(message: LogMessage, target: Buffer, start: number): number {
  target.writeUIntBE(message.time, start + 4, 6)
  const end = start + MESSAGE_HEAD + target.write(message.json, start + MESSAGE_HEAD)
  target.writeUInt32BE(crc32(target.subarray(start + 4, end)), start)
  return end
}

/** Reads a message's value. Throws `LostMessage` when it is not what was written. */
export function readMessage(offset: number, bytes: Buffer): LogMessage {
  if (bytes.length <= MESSAGE_HEAD || crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) {
    throw new LostMessage(offset)
  }
  const json = bytes.toString('utf8', MESSAGE_HEAD)
  return { offset, time: bytes.readUIntBE(4, 6), json }
}

export function readMessageTime(bytes: Buffer): number {
  return bytes.readUIntBE(4, 6)
}

export function writePlace(place: Place, target: Buffer, start: number): number {
  target.writeUIntBE(place.offset, start, 6)
  return target.writeUIntBE(place.time, start + 6, 6)
}

export function readPlace(bytes: Buffer): Place {
  return { offset: bytes.readUIntBE(0, 6), time: bytes.readUIntBE(6, 6) }
}
