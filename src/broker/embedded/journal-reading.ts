import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BATCH_HEAD,
  batchEnd,
  EntryCursor,
  HEADER_LENGTH,
  type RoomEntry,
  readHeader,
} from './journal-codec.js'

/** What a journal holds that is not in its base yet, as far as it can be read. */
export interface JournalReading {
  /** In the order in which they were written. */
  readonly rooms: RoomEntry[]
  /** By their keys as `latin1` text; of repeats the newest. */
  readonly messages: Map<string, { readonly key: Buffer; readonly value: Buffer }>
  readonly damages: string[]
}

/**
 * Reads the journal in a directory. Nobody may write to it meanwhile.
 * @param absorbed number of the last segment that is in the base as a whole
 */
export function readJournal(dir: string, absorbed: number): JournalReading {
  const reading: JournalReading = { rooms: [], messages: new Map(), damages: [] }
  const segments = []
  const without = []
  for (const name of ['journal.0', 'journal.1']) {
    const path = join(dir, name)
    const image = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    const header = readHeader(image)
    if (header) segments.push({ ...header, image })
    else without.push({ name, isEmpty: image.length === 0 })
  }
  for (const { name, isEmpty } of without) {
    // A log of before the journal has neither of the files.
    if (!isEmpty || segments.length > 0) reading.damages.push(`${name} has no valid header`)
  }
  segments.sort((a, b) => a.number - b.number)
  let before = { number: 0, end: 0 }
  for (const { number, image, seed, previousEnd } of segments) {
    if (before.number > 0 && before.end !== previousEnd)
      reading.damages.push(`segment ${before.number} cannot be read to its end`)
    if (number > absorbed) before = { number, end: takeSegment(image, seed, number, reading) }
  }
  return reading
}

/** Takes what is in a segment, past batches that are damaged. Returns its end. */
function takeSegment(
  image: Buffer,
  seed: number,
  number: number,
  { rooms, messages, damages }: JournalReading,
): number {
  const entry = new EntryCursor(image)
  let start = HEADER_LENGTH
  while (start + BATCH_HEAD <= image.length) {
    const end = batchEnd(image, start, seed)
    if (end === undefined) {
      const next = start + BATCH_HEAD + image.readUInt32BE(start)
      if (next >= image.length || batchEnd(image, next, seed) === undefined) break
      damages.push(`segment ${number} has a damaged batch at ${start}`)
      start = next
      continue
    }
    for (let at = start + BATCH_HEAD; at < end; at = entry.end) {
      entry.at = at
      if (entry.isMessage) {
        const key = image.subarray(entry.key, entry.place)
        const value = image.subarray(entry.value, entry.valueEnd)
        messages.set(key.toString('latin1'), { key, value })
      } else rooms.push(entry.room())
    }
    start = end
  }
  return start
}
