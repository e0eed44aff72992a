import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Meta } from './lmdb-databases.js'

/** How the last life of a store ended. */
export type LastEnd =
  /** There was none. */
  | 'none'
  | 'closed'
  /** Without `close`, but what was acknowledged is in the files. */
  | 'killed'
  /** What was acknowledged last may be missing: a power cut, and it was not flushed. */
  | 'cut'

/** How the life ended that a store has written down, seen from a run of the machine. */
export function endOf(last: Meta['life'] | undefined, bootId: string): LastEnd {
  if (last === undefined) return 'none'
  if (last.clean) return 'closed'
  return last.durability === 'commit' && last.boot !== bootId ? 'cut' : 'killed'
}

/** Id of this run of the machine. */
export function systemBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Elsewhere the time of the start, to ten minutes.
    return String(Math.round((Date.now() / 1000 - uptime()) / 600))
  }
}
