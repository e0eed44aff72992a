import { getSystemErrorName } from 'node:util'
import { type Database, open, type RootDatabase } from 'lmdb'
import { checkDataFile } from './data-check.js'
import { damaged, type Prepared, prepareDirectory } from './data-directory.js'
import { DataFile } from './data-file.js'

/** A transaction under way. */
export interface Written {
  /** Every reader sees it, and it survives the end of this process, however that comes. */
  readonly visible: Promise<void>
  /** It survives a power cut. Rejects when that cannot be said. */
  readonly flushed: Promise<void>
}

/**
 * One LMDB environment with its writes as this project needs them. `lmdb` reports a commit when it
 * is on disk; here one learns of it when it is visible, which with a slow disk is much earlier. And
 * where `lmdb` leaves a promise pending or rejects one that nobody holds, when writing fails, there
 * is an ordinary rejection here.
 */
export class LmdbEnvironment {
  readonly root: RootDatabase<Buffer, string>
  readonly #dir: string
  readonly #marks: Database<number, string>
  #mark: number
  #pending: Pending | undefined
  /** Threads that write. */
  readonly #writers = new Set<Promise<void>>()
  #dead: Error | undefined
  readonly #file: DataFile
  #checked = false

  /** Opens or makes the environment in `dir`. Rejects when what is there cannot be opened. */
  static async open(dir: string): Promise<LmdbEnvironment> {
    const prepared = prepareDirectory(dir)
    try {
      if (prepared.state !== 'new') await assertSound(prepared)
      const environment = new LmdbEnvironment(dir, prepared.dataPath)
      prepared.finish(true)
      return environment
    } catch (error) {
      prepared.finish(false)
      const what = error instanceof Error ? error.message : String(error)
      throw damaged(prepared.dataPath, `is damaged (${what})`, error)
    }
  }

  private constructor(dir: string, dataPath: string) {
    this.#dir = dir
    this.root = open({ path: dir, ...OPTIONS })
    this.#marks = this.root.openDB('marks', { encoding: 'json' })
    this.#mark = this.#marks.get(MARK) ?? 0
    this.#file = new DataFile(dataPath)
    this.#listen()
  }

  /** Throws when the files are not what they were. Looks at them once a turn at the most. */
  check(): void {
    if (this.#checked) return
    if (this.#dead !== undefined) throw this.#dead
    this.#file.check()
    this.#checked = true
    setImmediate(() => {
      this.#checked = false
    })
  }

  /** Makes sure that the disk has space for a transaction. Rejects when it has none. */
  async reserve(entries: number, bytes: number): Promise<void> {
    try {
      await this.#file.reserve(entries, bytes)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      const message = `the disk of ${this.#dir} is full`
      throw Object.assign(new Error(message, { cause: error }), { code: 'ENOSPC' })
    }
  }

  /** Drops the view that reads of this turn share: after an error, or to see the newest commit. */
  refresh(): void {
    this.root.resetReadTxn()
  }

  /**
   * Runs `queue`, which calls `put` and `remove` of this environment's databases and must not throw,
   * and commits these writes as one transaction. Not to be called again before `visible` is settled.
   */
  write(queue: () => void): Written {
    if (this.#dead !== undefined) {
      const rejected = Promise.reject(this.#dead)
      rejected.catch(() => {})
      return { visible: rejected, flushed: rejected }
    }
    const mark = ++this.#mark
    const pending = new Pending(mark)
    this.#pending = pending
    this.root
      .batch(() => {
        queue()
        void this.#marks.put(MARK, mark)
      })
      .then(
        () => pending.succeed(),
        () => pending.fail(this.#failure(pending.status)),
      )
    return pending
  }

  async close(): Promise<void> {
    if (this.#dead === undefined) {
      await this.#writersDone()
      await this.root.close()
    }
    this.#file.close()
  }

  /**
   * Resolves when no thread writes any more. A transaction is seen as committed shortly before its
   * thread is done with the environment: closing in between would free what that thread still uses.
   */
  async #writersDone(): Promise<void> {
    while (this.#writers.size > 0) await Promise.all(this.#writers)
  }

  /** Hears from the writing thread: when a transaction is visible, and its result at the end. */
  #listen(): void {
    const env = (this.root as unknown as { env: NativeEnvironment }).env
    const startWriting = env.startWriting
    const listening: typeof startWriting = (address, report) => {
      const pending = this.#pending
      let done = () => {}
      const writer = new Promise<void>((resolve) => {
        done = resolve
      }).then(() => void this.#writers.delete(writer))
      this.#writers.add(writer)
      startWriting.call(env, address, (status) => {
        if (status !== VISIBLE && status !== CALLBACKS) done()
        const failed = status < 0 || status > CALLBACKS
        if (failed && pending !== undefined) pending.status = status
        const result = report(failed ? 0 : status)
        if (status === VISIBLE) this.#look(pending)
        else if (failed) setImmediate(() => this.#giveUp(pending))
        return result
      })
    }
    Object.defineProperty(env, 'startWriting', { value: listening })
  }

  #look(pending: Pending | undefined): void {
    this.refresh()
    if (pending !== undefined && this.#marks.get(MARK) === pending.mark) pending.show()
  }

  /**
   * A failure that `lmdb` did not pass on: the transaction could not begin. The writing thread
   * holds a lock then, for ever: another write would never end.
   */
  #giveUp(pending: Pending | undefined): void {
    if (pending === undefined || pending.settled) return
    this.#dead = new Error(
      `${this.#failure(pending.status).message}; the process must be restarted`,
    )
    pending.fail(this.#dead)
  }

  #failure(status: number): Error {
    const name = status > 0 ? getSystemErrorName(-status) : (LMDB_ERRORS[status] ?? 'LMDB error')
    return new Error(`writing to ${this.#dir} failed: ${name} (${status})`)
  }
}

/** Rejects with the first damage: what LMDB finds in such a file can end the process. */
async function assertSound({ dataPath, state }: Prepared): Promise<void> {
  const max = state === 'short' ? Number.POSITIVE_INFINITY : undefined
  const [damage] = (await checkDataFile(dataPath, max)).damages
  if (damage !== undefined) throw new Error(`${damage.database}: ${damage.what}`)
}

/** The part of `lmdb`'s native environment that this file hooks into. */
interface NativeEnvironment {
  startWriting(address: number, report: (status: number) => unknown): void
}

class Pending implements Written {
  readonly mark: number
  readonly visible: Promise<void>
  readonly flushed: Promise<void>
  settled = false
  /** How the writing thread ended, where it failed. */
  status = 0
  #show: () => void = () => {}
  #flush: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(mark: number) {
    this.mark = mark
    const shown = new Promise<void>((resolve) => {
      this.#show = resolve
    })
    this.flushed = new Promise<void>((resolve, reject) => {
      this.#flush = resolve
      this.#reject = reject
    })
    this.visible = Promise.race([shown, this.flushed])
    this.visible.catch(() => {})
    this.flushed.catch(() => {})
  }

  show(): void {
    this.#show()
  }

  succeed(): void {
    this.settled = true
    this.#flush()
  }

  fail(error: Error): void {
    this.settled = true
    this.#reject(error)
  }
}

const OPTIONS = {
  noSubdir: false,
  maxDbs: 12,
  permissionsMode: 0o600,
  encoding: 'binary',
  overlappingSync: true,
  eventTurnBatching: false,
} as const

const MARK = 'mark'

/** What the writing thread reports before its end: a transaction is visible; it wants callbacks run. */
const VISIBLE = 1
const CALLBACKS = 2

const LMDB_ERRORS: Record<number, string> = {
  [-30797]: 'MDB_PAGE_NOTFOUND',
  [-30796]: 'MDB_CORRUPTED',
  [-30795]: 'MDB_PANIC',
  [-30793]: 'MDB_INVALID',
  [-30792]: 'MDB_MAP_FULL',
  [-30788]: 'MDB_TXN_FULL',
  [-30786]: 'MDB_PAGE_FULL',
  [-30779]: 'MDB_PROBLEM',
}
