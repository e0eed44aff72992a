import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Journal } from './journal.js'
import { JournalFile } from './journal-file.js'
import { JournaledStore } from './journaled-store.js'
import { type LmdbStoreOptions, openLmdbStore } from './lmdb-store.js'
import type { LogStore } from './store.js'

export interface LogStoreOptions extends LmdbStoreOptions {
  /** Bytes in the journal after which they are taken into LMDB. Default 8 MiB. */
  readonly segmentSize?: number
}

/**
 * Opens the log in a directory: LMDB with a journal in front of it. Rejects when another process
 * uses it, and when it is damaged: then nothing is changed and the message says what is wrong.
 */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const { segmentSize } = options
  const base = await openLmdbStore(options)
  const journal = new Journal({
    base,
    open: (index) => JournalFile.open(join(options.dir, `journal.${index}`)),
    seed: () => randomBytes(4).readUInt32BE(),
    ...(segmentSize === undefined ? undefined : { segmentSize }),
  })
  try {
    await journal.start()
  } catch (error) {
    await journal.close()
    await base.close()
    throw error
  }
  return new JournaledStore(base, journal)
}
