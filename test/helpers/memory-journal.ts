import type { JournalBase } from '../../src/broker/embedded/journal-base.js'
import { EntryCursor } from '../../src/broker/embedded/journal-codec.js'
import type { SegmentFile } from '../../src/broker/embedded/journal-file.js'
import type { LastEnd } from '../../src/broker/embedded/last-end.js'
import { idKeyOf, idKeys, readMessage } from '../../src/broker/embedded/lmdb-codec.js'
import { createMemoryStore } from '../../src/broker/embedded/memory-store.js'
import type { Slice } from '../../src/broker/embedded/slice.js'
import type { Change, LogStore } from '../../src/broker/embedded/store.js'

/** What outlives the lives of a journaled store: a base and two files, all in memory. */
export class MemoryDisk {
  readonly #store = createMemoryStore()
  readonly #files: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  /** Keys of all ids that ever were in the base, as `latin1` text. */
  readonly #ids = new Set<string>()
  #absorbed: number | undefined
  lastEnd: LastEnd = 'none'
  /** Made to fail, by a test. */
  failing = false
  /** Turns of the event loop that the base needs, besides one, to take in a part of the journal. */
  slowness = 0

  /** Bytes of the files; a test may change them. */
  get files(): [Buffer, Buffer] {
    return this.#files
  }

  /** The disk as one process sees it, until that process is dead. */
  life(): { base: JournalBase; open(index: number): Promise<SegmentFile>; end(): void } {
    let dead = false
    const step = async () => {
      await new Promise(setImmediate)
      if (dead) await new Promise(() => {})
      if (this.failing) throw new Error('the disk fails')
    }
    const own: Omit<JournalBase, keyof LogStore> & Partial<LogStore> = {
      generation: () => 0,
      lastEnd: () => this.lastEnd,
      absorbed: () => this.#absorbed,
      absorb: async (slice) => {
        for (let turn = 0; turn <= this.slowness; turn++) await step()
        await this.#apply(this.#fresh(slice))
        if (slice.completes !== undefined) this.#absorbed = slice.completes
      },
      commit: async (changes) => {
        await step()
        await this.#apply(changes)
      },
      idCount: () => this.#ids.size,
      idKeys: (after, limit) => {
        const keys = [...this.#ids].sort()
        const next = after === undefined ? keys : keys.filter((k) => k > after.toString('latin1'))
        return next.slice(0, limit).map((key) => Buffer.from(key, 'latin1'))
      },
      flush: step,
      close: async (complete = true) => {
        await step()
        if (complete) this.lastEnd = 'closed'
      },
    }
    const base = new Proxy(this.#store, {
      get: (target, name: keyof LogStore) =>
        own[name] ?? (target[name] as () => unknown).bind(target),
    }) as JournalBase
    const open = async (index: number): Promise<SegmentFile> => ({
      path: `journal.${index}`,
      read: async () => Buffer.from(this.#files[index] as Buffer),
      write: async (image, start, end) => {
        await step()
        const length = Math.max(end, this.#files[index]?.length ?? 0)
        const bytes = Buffer.alloc(length)
        this.#files[index]?.copy(bytes)
        image.copy(bytes, start, start, end)
        this.#files[index] = bytes
      },
      sync: step,
      check: () => {},
      close: async () => {},
    })
    return {
      base,
      open,
      end: () => {
        dead = true
      },
    }
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    await this.#store.commit(changes)
    for (const change of changes) {
      if (change.kind !== 'append') continue
      this.#ids.add(idKeyOf(change.room, change.user, change.id).toString('latin1'))
    }
  }

  /** The changes that entries stand for; what is in the store already is not put there again. */
  #fresh({ image, entries }: Slice): Change[] {
    const entry = new EntryCursor(image)
    const changes: Change[] = []
    for (const at of entries) {
      entry.at = at
      if (!entry.isMessage) {
        const { name, record } = entry.room()
        changes.push({ kind: 'room', name, record })
        continue
      }
      const room = image.readUIntBE(entry.key, 6)
      const offset = image.readUIntBE(entry.key + 6, 6)
      if (offset <= (this.#store.newest(room)?.offset ?? 0)) continue
      const [, user = '', id = ''] = idKeys.readKey(image, entry.idKey, entry.value)
      const message = readMessage(offset, image.subarray(entry.value, entry.end))
      changes.push({ kind: 'append', room, user, id, message })
    }
    return changes
  }
}
