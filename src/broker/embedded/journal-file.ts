import {
  close,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  open,
  read,
  write,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StallGuard } from './stall-guard.js'

const calls = {
  open: promisify(open),
  close: promisify(close),
  read: promisify(read),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
}

/** Where a segment of the journal is kept. */
export interface SegmentFile {
  readonly path: string
  /** All that is in the file. */
  read(): Promise<Buffer>
  /**
   * Writes a part of the image of the file to its place. Rejects when not all of it could be.
   * @param atOnce it may be done on the event loop, as the disk has nothing else to do
   */
  write(image: Buffer, start: number, end: number, atOnce?: boolean): Promise<void>
  /** Resolves when what was written survives a power cut. */
  sync(): Promise<void>
  /** Throws when what was written is not there any more. */
  check(): void
  close(): Promise<void>
}

/** One of the files that hold the journal's segments; each is written over from time to time. */
export class JournalFile implements SegmentFile {
  readonly path: string
  readonly #fd: number
  readonly #guard = new StallGuard()
  #end = 0

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /** Opens the file, making it when there is none. */
  static async open(path: string): Promise<JournalFile> {
    const isNew = !existsSync(path)
    const fd = await calls.open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    if (isNew) await syncDirectory(dirname(path))
    return new JournalFile(path, fd)
  }

  async read(): Promise<Buffer> {
    const { size } = fstatSync(this.#fd)
    const bytes = Buffer.allocUnsafeSlow(size)
    let length = 0
    while (length < size) {
      const { bytesRead } = await calls.read(this.#fd, bytes, length, size - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  }

  async write(image: Buffer, start: number, end: number, atOnce = false): Promise<void> {
    const quick = atOnce && end - start <= MAX_AT_ONCE && this.#guard.open
    if (quick) this.#guard.run(() => this.#writeNow(image, start, end))
    else await this.#writeBehind(image, start, end)
    this.#end = end
  }

  #writeNow(image: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) at += writeSync(this.#fd, image, at, end - at, at)
  }

  #writeBehind(image: Buffer, start: number, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const part = (from: number) => {
        write(this.#fd, image, from, end - from, from, (error, written) => {
          if (error) reject(error)
          else if (from + written < end) part(from + written)
          else resolve()
        })
      }
      part(start)
    })
  }

  sync(): Promise<void> {
    return calls.fdatasync(this.#fd)
  }

  check(): void {
    const { size, nlink } = fstatSync(this.#fd)
    if (nlink === 0) throw new Error(`${this.path} was removed or replaced`)
    if (size < this.#end) throw new Error(`${this.path} was cut short`)
  }

  close(): Promise<void> {
    return calls.close(this.#fd)
  }
}

/**
 * Bytes that are written on the event loop at the most. To the kernel's memory they take some tens
 * of microseconds; to hand less than that to another thread and to hear from it takes longer.
 */
const MAX_AT_ONCE = 256 * 1024

/** Resolves when the names of the files in a directory survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const fd = await calls.open(path, 'r')
  try {
    await calls.fsync(fd)
  } finally {
    await calls.close(fd)
  }
}
