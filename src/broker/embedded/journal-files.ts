import { HEADER_LENGTH, readHeader, writeHeader } from './journal-codec.js'
import type { SegmentFile } from './journal-file.js'

export interface JournalFilesOptions {
  /** Opens one of the two files. */
  readonly open: (index: number) => Promise<SegmentFile>
  /** A random 32-bit number. */
  readonly seed: () => number
}

/**
 * The two files of a journal, written over in turn. Both are kept open, so that a process which has
 * no file descriptor left goes on writing; and both have a header, so that one without has lost it.
 */
export class JournalFiles {
  readonly #options: JournalFilesOptions
  #opened: SegmentFile[] = []
  readonly #unsynced = new Set<SegmentFile>()

  constructor(options: JournalFilesOptions) {
    this.#options = options
  }

  /** Opens both, making what is not there. */
  async open(): Promise<readonly SegmentFile[]> {
    const { open } = this.#options
    this.#opened = [await open(0), await open(1)]
    return this.#opened
  }

  /** Sees to it that the file of a segment that is in the base has a header. */
  async complete(number: number): Promise<void> {
    const file = this.#opened[number % 2] as SegmentFile
    if (readHeader(await file.read()) === undefined) await this.#mark(file, number)
  }

  /**
   * The open file that a segment is to be written to, or another one if somebody took it away. What
   * was in it is in the base.
   */
  async at(number: number): Promise<SegmentFile> {
    const index = number % 2
    const known = this.#opened[index] as SegmentFile
    if (isThere(known)) return known
    const file = await this.#options.open(index)
    try {
      await this.#mark(file, Math.max(0, number - 2))
    } catch (error) {
      await file.close()
      throw error
    }
    this.#opened[index] = file
    await known.close()
    return file
  }

  /** Something was written to a file. */
  written(file: SegmentFile): void {
    this.#unsynced.add(file)
  }

  /** What was written to a file need not survive a power cut. */
  forget(file: SegmentFile): void {
    this.#unsynced.delete(file)
  }

  /** Resolves when everything written so far survives a power cut. */
  async sync(): Promise<void> {
    for (const file of this.#unsynced) {
      await file.sync()
      this.#unsynced.delete(file)
    }
  }

  async close(): Promise<void> {
    for (const file of this.#opened.splice(0)) await file.close()
  }

  async #mark(file: SegmentFile, number: number): Promise<void> {
    const image = Buffer.alloc(HEADER_LENGTH)
    writeHeader({ number, previousEnd: 0, seed: this.#options.seed() }, image)
    await file.write(image, 0, HEADER_LENGTH)
    this.#unsynced.add(file)
  }
}

function isThere(file: SegmentFile): boolean {
  try {
    file.check()
    return true
  } catch {
    return false
  }
}
