import type { LogStore } from './store.js'

/** Entries of a segment that are to be taken into a store as one step. */
export interface Slice {
  readonly image: Buffer
  /** Where the entries start in the image. */
  readonly entries: readonly number[]
  /** With the last slice of a segment: its number, which `absorbed` gives from then on. */
  readonly completes?: number
}

/** How the last life of a store ended. */
export type LastEnd =
  /** There was none. */
  | 'none'
  | 'closed'
  /** Without `close`, but what was acknowledged is in the files. */
  | 'killed'
  /** What was acknowledged last may be missing: a power cut, and it was not flushed. */
  | 'cut'

/** A store that a journal can be put in front of. */
export interface JournalBase extends LogStore {
  /** Counts the lives that were cut: what a record in the journal belongs to. */
  generation(): number
  /** To be asked before `start`. */
  lastEnd(): LastEnd
  /** Number of the last segment that is in the store as a whole, 0 at first. */
  absorbed(): number
  /**
   * Takes entries in, as one step, when no commit is under way. May be called before `start`. To
   * take the same ones in again, in order, changes nothing.
   */
  absorb(slice: Slice): Promise<void>
}
