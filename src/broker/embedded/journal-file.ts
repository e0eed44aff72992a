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
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

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
  /** Writes a part of the image of the file to its place. Rejects when not all of it could be. */
  write(image: Buffer, start: number, end: number): Promise<void>
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

  write(image: Buffer, start: number, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const part = (from: number) => {
        write(this.#fd, image, from, end - from, from, (error, written) => {
          if (error) reject(error)
          else if (from + written < end) part(from + written)
          else {
            this.#end = end
            resolve()
          }
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

/** Resolves when the names of the files in a directory survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const fd = await calls.open(path, 'r')
  try {
    await calls.fsync(fd)
  } finally {
    await calls.close(fd)
  }
}
