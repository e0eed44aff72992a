import { setTimeout as pause } from 'node:timers/promises'
import { hashOf, IdFilter } from './id-filter.js'
import type { JournalBase } from './journal-base.js'

export interface KnownIdsOptions {
  readonly base: Pick<JournalBase, 'idCount' | 'idKeys'>
  /** `hashOf` of the ids that may not be in the base yet. */
  readonly elsewhere: () => Iterable<number>
  /** More ids than that are not kept in mind. Default 2,097,152: 8 MiB. */
  readonly most?: number
  /** Ids that are read at once. Default 500: half a millisecond. */
  readonly slice?: number
}

/**
 * Knows of nearly every new id that it is new without looking for it: and new is the id of nearly
 * every message. What the base holds is read into memory a little at a time; until that is done,
 * and where there is too much of it, every id may be there.
 */
export class KnownIds {
  readonly #options: Required<KnownIdsOptions>
  #filter = new IdFilter(LEAST)
  /** The filter has what is in the base, too. */
  #complete = false
  /** Ids that can still be added before what is gone by now is to be forgotten. */
  #left = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(options: KnownIdsOptions) {
    this.#options = { most: 2_097_152, slice: 500, ...options }
  }

  /** Begins to read what is in the base. */
  start(): void {
    this.#renew()
  }

  /** Adds the id with this `hashOf`, before anybody looks for it and before it is in the base. */
  add(hash: number): void {
    if (this.#left-- === 0) this.#renew()
    this.#filter.add(hash)
  }

  /** False: there is no such id outside the base. */
  mayHave(hash: number): boolean {
    return this.#filter.mayHave(hash)
  }

  /** False: there is no such id in the base. */
  mayBeInBase(hash: number): boolean {
    return !this.#complete || this.#filter.mayHave(hash)
  }

  /** Stops reading the base, for good. */
  stop(): void {
    this.#stopped = true
  }

  /** Begins a filter of what there is now. */
  #renew(): void {
    const { base, elsewhere, most } = this.#options
    const there = reading(() => base.idCount())
    const known = there !== undefined && there <= most / 2
    this.#left = known ? most - there : most / 2
    const filter = new IdFilter(Math.max(LEAST, known ? 2 * there : 0), most)
    for (const hash of elsewhere()) filter.add(hash)
    this.#filter = filter
    this.#complete = false
    if (known) void this.#read(filter)
  }

  async #read(filter: IdFilter): Promise<void> {
    const { base, slice } = this.#options
    let after: Buffer | undefined
    while (this.#filter === filter && !this.#stopped) {
      const keys = reading(() => base.idKeys(after, slice))
      if (keys === undefined) return
      for (const key of keys) filter.add(hashOf(key))
      after = keys[keys.length - 1]
      if (keys.length < slice) {
        this.#complete = true
        return
      }
      await pause(PAUSE, undefined, { ref: false })
    }
  }
}

/** Undefined when it cannot be read: whoever needs what is there will be told. */
function reading<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Ids that a filter has room for from the start: 128 KiB. */
const LEAST = 32_768

/** Milliseconds between two slices, for all else that there is to do. */
const PAUSE = 4
