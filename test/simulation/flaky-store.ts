import type { Change, LogStore } from '../../src/broker/embedded/store.js'
import type { Timeline } from './timeline.js'

/** A disk: commits take their time, fail, or fail to say that they succeeded. */
export class FlakyDisk {
  /** Whether it fails now. */
  failing = false
  readonly committed: (changes: readonly Change[], store: LogStore) => void
  /** Commits under way, each of which a crash may find done or not. */
  readonly #pending = new Set<() => void>()
  readonly #timeline: Timeline

  constructor(timeline: Timeline, committed: FlakyDisk['committed']) {
    this.#timeline = timeline
    this.committed = committed
  }

  /** The store as a process sees it, until the process ends. */
  view(store: LogStore, life: { readonly ended: boolean }): LogStore {
    const commit = (changes: readonly Change[]) =>
      this.#write(life, () => {
        this.committed(changes, store)
        // The memory store applies synchronously, before its promise settles.
        void store.commit(changes)
      })
    const flush = () => this.#write(life, () => {})
    const close = () => Promise.resolve()
    const own: Partial<LogStore> = { commit, flush, close }
    return new Proxy(store, {
      get(target, key: keyof LogStore) {
        return own[key] ?? (target[key] as () => unknown).bind(target)
      },
    })
  }

  /** The process died: what it was writing is there or is not. */
  crash(): void {
    for (const apply of this.#pending) if (this.#timeline.random.chance(0.5)) apply()
    this.#pending.clear()
  }

  #write(life: { readonly ended: boolean }, apply: () => void): Promise<void> {
    const { random } = this.#timeline
    const takes = random.chance(0.02) ? random.between(100, 3000) : random.between(0, 6)
    this.#pending.add(apply)
    return new Promise((resolve, reject) => {
      this.#timeline.after(takes, () => {
        if (life.ended) return
        this.#pending.delete(apply)
        if (this.failing) {
          if (random.chance(0.2)) apply()
          reject(new Error('no space left on device'))
        } else {
          apply()
          resolve()
        }
      })
    })
  }
}
