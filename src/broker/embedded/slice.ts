import { EntryCursor } from './journal-codec.js'

/** Entries of a segment that are to be taken into a store as one step. */
export interface Slice {
  readonly image: Buffer
  /** Where the entries start in the image. */
  readonly entries: readonly number[]
  /** With the last slice of a segment: its number, which `absorbed` gives from then on. */
  readonly completes?: number
}

/** Cuts a row of entries into parts that are taken into the base without keeping it long. */
export function* slices(entries: Iterable<number>): Generator<number[], void> {
  let slice: number[] = []
  for (const entry of entries) {
    if (slice.push(entry) < SLICE) continue
    yield slice
    slice = []
  }
  if (slice.length > 0) yield slice
}

/** Entries: two or three milliseconds of the event loop. */
const SLICE = 1000

/** Bytes of a slice's entries. */
export function sliceSize({ image, entries }: Slice): number {
  const entry = new EntryCursor(image)
  let size = 0
  for (const at of entries) {
    entry.at = at
    size += entry.end - at
  }
  return size
}
