import type { JournalBase } from './journal-base.js'
import { HEADER_LENGTH, type JournaledChange, type SegmentHeader } from './journal-codec.js'
import type { SegmentFile } from './journal-file.js'
import { JournalFiles, type JournalFilesOptions } from './journal-files.js'
import { recover } from './journal-recovery.js'
import { KnownIds, type KnownIdsOptions } from './known-ids.js'
import { batchSize, Segment } from './segment.js'
import { slices } from './slice.js'

export interface JournalOptions extends JournalFilesOptions {
  readonly base: JournalBase
  /** How ids are kept in mind. */
  readonly ids?: Pick<KnownIdsOptions, 'most' | 'slice'>
  /** Bytes in a file after which the other one is begun. Default 8 MiB. */
  readonly segmentSize?: number
}

/**
 * What was committed and is not in the base yet: up to two segments, of which the older one is
 * being taken into the base, a slice at a time, behind what goes on in front.
 */
export class Journal {
  /** Of what is here and in the base. */
  readonly ids: KnownIds
  readonly #base: JournalBase
  readonly #disk: JournalFiles
  readonly #seed: () => number
  readonly #segmentSize: number
  /** Newest first. */
  #segments: Segment[] = []
  /** By the number of the segment that is in it. */
  readonly #files = new Map<number, SegmentFile>()
  /** Images of segments that are in the base, to be used again. */
  #spare: Buffer | undefined
  #lastKey = 0
  /** The older segment on its way into the base. */
  #absorbing: Promise<void> = Promise.resolve()
  /** Why that failed; it is tried again by `absorbAll`. */
  #failure: unknown
  /** One write to the base at a time. */
  #baseFree: Promise<unknown> = Promise.resolve()

  constructor({ base, open, seed, ids, segmentSize = SEGMENT_SIZE }: JournalOptions) {
    this.#base = base
    this.#disk = new JournalFiles({ open, seed })
    this.#seed = seed
    this.#segmentSize = segmentSize
    this.ids = new KnownIds({ ...ids, base, elsewhere: () => this.#hashes() })
  }

  /** Newest first. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** The highest key of a room's record that is only here; 0 when there is none. */
  get lastKey(): number {
    return this.#lastKey
  }

  /**
   * Takes what the last life left in the journal into the base, then starts a new segment. Rejects,
   * leaving everything as it is, when something is missing that must be there.
   */
  async start(): Promise<void> {
    const last = await recover(this.#base, await this.#disk.open())
    await this.#disk.complete(last)
    await this.#begin({ number: last + 1, previousEnd: 0, seed: this.#seed() }, 0)
    await this.probe()
    await this.sync()
    // From here on a file without a header has lost it.
    const none = { image: Buffer.alloc(0), entries: [] }
    if (this.#base.absorbed() === undefined) await this.#base.absorb({ ...none, completes: last })
    this.ids.start()
  }

  /**
   * Writes a little behind what counts. Rejects when that cannot be done. What could not be taken
   * into the base, or may not be where it was written, has to be there after this.
   */
  async probe(): Promise<void> {
    if (this.#failure !== undefined || this.problem() !== undefined) await this.absorbAll()
    const [segment] = this.#segments as [Segment]
    if (this.#segments.length === 1) await this.#disk.at(segment.header.number + 1)
    const file = this.#fileOf(segment)
    await file.write(segment.image, segment.written, segment.clear(PROBE_SIZE))
    this.#disk.written(file)
    segment.begin()
  }

  /** Appends a batch and resolves when it is written: from then on it can be read. */
  async append(changes: readonly JournaledChange[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const size = batchSize(changes)
    if (!this.#segments[0]?.fits(size)) await this.#rotate(size)
    const [segment] = this.#segments as [Segment]
    const file = this.#fileOf(segment)
    file.check()
    const end = segment.encode(changes, this.#base.generation())
    // While the other one is taken in and flushed, a write may wait for the disk.
    const atOnce = this.#segments.length === 1
    await file.write(segment.image, segment.written, end, atOnce)
    this.#disk.written(file)
    segment.accept(changes, end, this.ids)
    for (const change of changes) {
      if (change.kind === 'room') this.#lastKey = Math.max(this.#lastKey, change.record.key)
    }
  }

  /** Resolves when everything appended so far survives a power cut. */
  async sync(): Promise<void> {
    try {
      await this.#disk.sync()
    } catch (error) {
      // To ask the system again would be answered by a lie: what it could not write, it forgets.
      this.#failure = error
      throw error
    }
  }

  /** What is wrong with the journal, as far as a look at it tells. */
  problem(): string | undefined {
    try {
      for (const file of this.#files.values()) file.check()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Resolves when everything appended so far is in the base. Tries again what failed before. */
  async absorbAll(): Promise<void> {
    await this.#absorbing
    this.#failure = undefined
    if (this.#segments.length > 1) this.#absorb()
    await this.#absorbed()
    if (this.#segments[0]?.isEmpty && this.problem() === undefined) return
    await this.#rotate(0)
    await this.#absorbed()
  }

  /** Runs a write to the base when no other one is under way. */
  exclusively<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#baseFree.then(write)
    this.#baseFree = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    this.#files.clear()
    await this.#disk.close()
  }

  *#hashes(): Generator<number, void> {
    for (const segment of this.#segments) yield* segment.hashes()
  }

  #fileOf({ header }: Segment): SegmentFile {
    return this.#files.get(header.number) as SegmentFile
  }

  /** Begins another segment; the present one goes into the base. */
  async #rotate(size: number): Promise<void> {
    await this.#absorbed()
    const [full] = this.#segments as [Segment]
    const number = full.header.number + 1
    await this.#begin({ number, previousEnd: full.written, seed: this.#seed() }, size)
    this.#absorb()
    // Nothing of it may be in its file: what follows it must not be there before the base knows it.
    if (full.isEmpty) await this.#absorbed()
  }

  async #begin(header: SegmentHeader, size: number): Promise<void> {
    this.#files.set(header.number, await this.#disk.at(header.number))
    const needed = Math.max(this.#segmentSize, HEADER_LENGTH + size)
    const spare = this.#spare
    this.#spare = undefined
    const fits = spare !== undefined && spare.length >= needed
    const image = fits ? spare : Buffer.allocUnsafeSlow(needed)
    this.#segments.unshift(new Segment(header, image))
  }

  /** Rejects when the older segment could not be taken into the base. */
  async #absorbed(): Promise<void> {
    await this.#absorbing
    if (this.#failure !== undefined) throw this.#failure
  }

  #absorb(): void {
    const segment = this.#segments[1] as Segment
    this.#absorbing = this.#takeIn(segment).catch((error) => {
      this.#failure = error
    })
  }

  async #takeIn(segment: Segment): Promise<void> {
    const { image, header } = segment
    const base = this.#base
    for (const entries of slices(segment.entries())) {
      await this.exclusively(() => base.absorb({ image, entries }))
    }
    await this.exclusively(() => base.absorb({ image, entries: [], completes: header.number }))
    await base.flush()
    this.#segments = this.#segments.filter((other) => other !== segment)
    if (image.length === this.#segmentSize) this.#spare = image
    const file = this.#fileOf(segment)
    this.#files.delete(header.number)
    this.#disk.forget(file)
  }
}

/** Bytes: some ten thousand messages. */
const SEGMENT_SIZE = 8 * 1024 * 1024

/** Bytes that a probe writes: as much as a few messages, so that success means something. */
const PROBE_SIZE = 64 * 1024
