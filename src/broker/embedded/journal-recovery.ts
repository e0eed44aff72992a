import { damaged } from './data-directory.js'
import type { JournalBase } from './journal-base.js'
import {
  BATCH_HEAD,
  batchEnd,
  EntryCursor,
  HEADER_LENGTH,
  readHeader,
  type SegmentHeader,
} from './journal-codec.js'
import type { SegmentFile } from './journal-file.js'
import { slices } from './slice.js'

/** A segment as it was found in a file. */
interface Found {
  readonly header: SegmentHeader
  readonly image: Buffer
  readonly path: string
  /** Where its whole batches end. */
  readonly end: number
}

/**
 * Takes what a journal holds into its base, once and in order. Resolves with the number of the last
 * segment that ever was. Rejects, leaving everything as it is, when something is missing that must
 * be there.
 */
export async function recover(base: JournalBase, files: readonly SegmentFile[]): Promise<number> {
  const absorbed = base.absorbed() ?? 0
  const found = await findSegments(files)
  const end = base.lastEnd()
  if (end === 'killed' && base.absorbed() !== undefined) assertHeaders(files, found)
  const left = found.filter(({ header }) => header.number > absorbed)
  const damagedOne = left.find((segment) => end !== 'cut' && goesOn(segment))
  if (damagedOne) throw damaged(damagedOne.path, 'has a damaged batch before whole ones')
  const gap = left.findIndex((segment, i) => !follows(segment, left[i - 1], absorbed))
  if (gap >= 0 && end !== 'cut')
    throw damaged(left[gap]?.path as string, 'does not follow what is before it')
  const whole = gap < 0 ? left : left.slice(0, gap)
  for (const { image, end } of whole) {
    for (const entries of slices(entriesOf(image, end))) await base.absorb({ image, entries })
  }
  const last = Math.max(absorbed, ...found.map(({ header }) => header.number))
  if (last > absorbed) {
    await base.absorb({ image: Buffer.alloc(0), entries: [], completes: last })
    await base.flush()
  }
  return last
}

/** In the order in which they were written. */
async function findSegments(files: readonly SegmentFile[]): Promise<Found[]> {
  const found: Found[] = []
  for (const file of files) {
    const image = await file.read()
    const header = readHeader(image)
    if (header !== undefined)
      found.push({ header, image, path: file.path, end: endOf(image, header.seed) })
  }
  return found.sort((a, b) => a.header.number - b.header.number)
}

/** Of a life that was not cut both files have a header: what has none may have held messages. */
function assertHeaders(files: readonly SegmentFile[], found: readonly Found[]): void {
  const without = files
    .map(({ path }) => path)
    .filter((path) => !found.some((s) => s.path === path))
  if (without.length === 0) return
  throw damaged(
    without.join(' and '),
    without.length === 1 ? 'has no valid header' : 'have no valid header',
  )
}

/** Whether nothing is missing between a segment and what is before it. */
function follows({ header }: Found, before: Found | undefined, absorbed: number): boolean {
  if (before === undefined) return header.number === absorbed + 1
  return header.number === before.header.number + 1 && header.previousEnd === before.end
}

/** A batch that was not written as a whole was not acknowledged, and nothing came after it. */
function endOf(image: Buffer, seed: number): number {
  let end = HEADER_LENGTH
  for (let next = batchEnd(image, end, seed); next; next = batchEnd(image, end, seed)) end = next
  return end
}

/**
 * Whether a whole batch stands behind the one that is not: that one was written as a whole once,
 * because there is one write at a time, and was damaged since.
 */
function goesOn({ image, end, header }: Found): boolean {
  if (end + BATCH_HEAD > image.length) return false
  const next = end + BATCH_HEAD + image.readUInt32BE(end)
  return next + BATCH_HEAD <= image.length && batchEnd(image, next, header.seed) !== undefined
}

function* entriesOf(image: Buffer, end: number): Generator<number, void> {
  const cursor = new EntryCursor(image)
  let batch = HEADER_LENGTH
  while (batch < end) {
    const next = batch + BATCH_HEAD + image.readUInt32BE(batch)
    for (let at = batch + BATCH_HEAD; at < next; at = cursor.end) {
      cursor.at = at
      yield at
    }
    batch = next
  }
}
