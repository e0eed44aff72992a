import type { LogMessage, Remembered } from '../broker.js'
import { hashOfId } from './id-filter.js'
import type { Journal } from './journal.js'
import type { JournalBase } from './journal-base.js'
import type { JournaledChange } from './journal-codec.js'
import type { Segment } from './segment.js'
import { compareCodePoints } from './sorted-names.js'
import type { Change, Life, LogStore, NamesQuery, Place, RoomRecord, StoreEpoch } from './store.js'

/**
 * A journal in front of a store. Messages are written to the end of a file, which costs one write
 * a batch whatever the number of rooms, and are taken into the store by the thousand, room by room,
 * so that a page of its trees is written once for many messages. Until then they are read from
 * memory. All else is written to the store itself.
 */
export class JournaledStore implements LogStore {
  readonly #base: JournalBase
  readonly #journal: Journal
  #baseUnflushed = false

  /** Over a journal of `base` that was started. */
  constructor(base: JournalBase, journal: Journal) {
    this.#base = base
    this.#journal = journal
  }

  async start(life: Life): Promise<void> {
    await this.#base.start(life)
  }

  problem(): string | undefined {
    return this.#base.problem() ?? this.#journal.problem()
  }

  epoch(): StoreEpoch {
    return this.#base.epoch()
  }

  lastKey(): number {
    return Math.max(this.#base.lastKey(), this.#journal.lastKey)
  }

  room(name: string): RoomRecord | undefined {
    for (const segment of this.#journal.segments) {
      const record = segment.room(name)
      if (record !== undefined) return record
    }
    return this.#base.room(name)
  }

  roomNames(query: NamesQuery): string[] {
    const { prefix = '', after, limit } = query
    const names = new Set(this.#base.roomNames(query))
    const start = after !== undefined && compareCodePoints(after, prefix) > 0 ? after : prefix
    const before = names.size
    for (const segment of this.#journal.segments) {
      let left = limit
      for (const name of segment.names(start)) {
        if (name === after) continue
        if (!name.startsWith(prefix) || left-- === 0) break
        names.add(name)
      }
    }
    if (names.size === before) return [...names]
    return [...names].sort(compareCodePoints).slice(0, limit)
  }

  newest(room: number): Place | undefined {
    for (const segment of this.#journal.segments) {
      const place = segment.newest(room)
      if (place !== undefined) return place
    }
    return this.#base.newest(room)
  }

  oldest(room: number): Place | undefined {
    const place = this.#base.oldest(room)
    if (place !== undefined) return place
    for (const segment of [...this.#journal.segments].reverse()) {
      const oldest = segment.oldest(room)
      if (oldest !== undefined) return oldest
    }
    return undefined
  }

  timeOf(room: number, offset: number): number | undefined {
    for (const segment of this.#journal.segments) {
      const time = segment.timeOf(room, offset)
      if (time !== undefined) return time
    }
    return this.#base.timeOf(room, offset)
  }

  *messages(room: number, from: number, to: number): Generator<LogMessage, void> {
    const { segments } = this.#journal
    const first = segments.reduce((least, s) => Math.min(least, s.first(room) ?? least), Infinity)
    const backwards = from > to
    const lowest = Math.min(from, to)
    if (!backwards && from < first) {
      yield* this.#base.messages(room, from, Math.min(to, first - 1))
    }
    const step = backwards ? -1 : 1
    const start = backwards ? from : Math.max(from, first)
    const end = backwards ? Math.max(to, first) : to
    for (let offset = start; backwards ? offset >= end : offset <= end; offset += step) {
      const message = messageIn(segments, room, offset)
      if (message !== undefined) yield message
      // Behind the newest message, or before the first one here, there is nothing.
      else if (!backwards) break
    }
    if (backwards && lowest < first) {
      yield* this.#base.messages(room, Math.min(from, first - 1), to)
    }
  }

  find(room: number, user: string, id: string): Place | undefined {
    const { ids, segments } = this.#journal
    const hash = hashOfId(room, user, id)
    if (ids.mayHave(hash)) {
      for (const segment of segments) {
        const place = segment.find(room, user, id, hash)
        if (place !== undefined) return place
      }
    }
    return ids.mayBeInBase(hash) ? this.#base.find(room, user, id) : undefined
  }

  values(): Iterable<Remembered> {
    return this.#base.values()
  }

  discarded(): number | undefined {
    return this.#base.discarded()
  }

  async commit(changes: readonly Change[]): Promise<void> {
    if (areJournaled(changes)) await this.#journal.append(changes)
    else await this.#commitToBase(changes)
  }

  async flush(): Promise<void> {
    await this.#journal.sync()
    if (!this.#baseUnflushed) return
    this.#baseUnflushed = false
    await this.#base.flush()
  }

  async close(): Promise<void> {
    this.#journal.ids.stop()
    const complete = await this.#journal.absorbAll().then(
      () => true,
      // The next start takes in what is left in the journal, and must know that it is needed.
      () => false,
    )
    await this.#base.close(complete)
    await this.#journal.close()
  }

  async #commitToBase(changes: readonly Change[]): Promise<void> {
    const base = this.#base
    const journal = this.#journal
    const probes = changes.some(({ kind }) => kind === 'probe')
    if (probes) await journal.probe()
    if (changes.some((change) => this.#concerns(change))) await journal.absorbAll()
    for (const change of changes) {
      if (change.kind === 'append') journal.ids.add(hashOfId(change.room, change.user, change.id))
    }
    const key = this.lastKey()
    const dated = changes.map((change) => (change.kind === 'epoch' ? { ...change, key } : change))
    this.#baseUnflushed = true
    await journal.exclusively(() => base.commit(dated))
  }

  /** Whether a change is about something that is in the journal and not yet in the base. */
  #concerns(change: Change): boolean {
    return this.#journal.segments.some((segment) => {
      switch (change.kind) {
        case 'room':
        case 'forget':
          return segment.room(change.name) !== undefined
        case 'trim': {
          const first = segment.first(change.room)
          return first !== undefined && first <= change.offset
        }
        case 'append':
        case 'discard':
        case 'sweep':
          return segment.first(change.room) !== undefined
        default:
          return false
      }
    })
  }
}

function areJournaled(changes: readonly Change[]): changes is readonly JournaledChange[] {
  for (const { kind } of changes) if (kind !== 'append' && kind !== 'room') return false
  return true
}

function messageIn(segments: readonly Segment[], room: number, offset: number) {
  for (const segment of segments) {
    const message = segment.message(room, offset)
    if (message !== undefined) return message
  }
  return undefined
}
