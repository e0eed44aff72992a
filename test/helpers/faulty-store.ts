import type { Change, LogStore } from '../../src/broker/embedded/store.js'

/** What becomes of a commit. */
export type Fate =
  | 'done'
  /** It is not in the store, and the caller is told. */
  | 'failed'
  /** It is in the store, but the caller is told that it failed. */
  | 'done but reported failed'
  /** It is in the store, but flushing it fails. */
  | 'not flushed'

/** A log store whose commits wait, fail and get lost as a test wishes. */
export class FaultyStore {
  readonly store: LogStore
  /** Looked at by each commit. */
  fate: Fate = 'done'
  /** While true, commits and flushes wait. */
  held = false
  commits = 0
  #crashed = false
  #waiting: (() => void)[] = []
  #flushFails = false
  #applying: Promise<void> | undefined

  constructor(inner: LogStore) {
    // A proxy rather than a copy of every method: whatever is not about writing goes through.
    const own: Partial<LogStore> = {
      commit: (changes) => this.#commit(inner, changes),
      flush: () => this.#flush(inner),
      close: async () => {},
    }
    this.store = new Proxy(inner, {
      get: (target, name: keyof LogStore) => {
        if (own[name]) return own[name]
        const member = target[name]
        return typeof member === 'function' ? member.bind(target) : member
      },
      // A test may put a method of its own in the place of any.
      set: (_, name, value) => Object.assign(own, { [name]: value }) === own,
    })
  }

  /** Lets held commits go on. */
  release(): void {
    this.held = false
    for (const go of this.#waiting.splice(0)) go()
  }

  /**
   * What is under way is in the store or not, and nobody hears of it: the process is dead. Resolves
   * when that has come to its end.
   */
  async crash(applied: boolean): Promise<void> {
    this.#crashed = true
    this.fate = applied ? 'done' : 'failed'
    this.release()
    await this.#applying
  }

  async #commit(inner: LogStore, changes: readonly Change[]): Promise<void> {
    if (this.#crashed) await new Promise(() => {})
    this.commits++
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const fate = this.fate
    this.#flushFails = fate === 'not flushed'
    if (fate !== 'failed') {
      this.#applying = inner.commit(changes)
      await this.#applying
    }
    if (this.#crashed) await new Promise(() => {})
    if (fate === 'failed' || fate === 'done but reported failed') throw new Error(`commit ${fate}`)
  }

  async #flush(inner: LogStore): Promise<void> {
    if (this.#flushFails) throw new Error('the flush failed')
    await inner.flush()
  }
}
