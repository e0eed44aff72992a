import type { LastEnd } from './last-end.js'
import type { Slice } from './slice.js'
import type { LogStore } from './store.js'

/** A store that a journal can be put in front of. */
export interface JournalBase extends LogStore {
  /** Counts the lives that were cut: what a record in the journal belongs to. */
  generation(): number
  /** To be asked before `start`. */
  lastEnd(): LastEnd
  /** Number of the last segment that is in the store as a whole; undefined before the first journal. */
  absorbed(): number | undefined
  /**
   * Takes entries in, as one step, when no commit is under way. May be called before `start`. To
   * take the same ones in again, in order, changes nothing.
   */
  absorb(slice: Slice): Promise<void>
  /** How many ids there are, more or less. */
  idCount(): number
  /** Keys of ids, as the journal has them, ascending, from the one behind `after` on. */
  idKeys(after: Buffer | undefined, limit: number): Buffer[]
  /**
   * Flushes and releases everything.
   * @param complete false: not all of this life is in the store, so that it did not end well. By
   *   default true
   */
  close(complete?: boolean): Promise<void>
}
