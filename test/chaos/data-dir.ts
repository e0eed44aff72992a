import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes: enough for the log of a run, little enough to be filled at once. */
const SIZE = 64 * 1024 * 1024

/** A folder for the server's data on a small file system of its own, where that can be had. */
export class DataDir {
  readonly path: string
  /** Why the disk cannot be filled; undefined when it can. */
  readonly unfillable: string | undefined
  readonly #mount: string

  constructor(parent: string) {
    this.#mount = join(parent, 'disk')
    this.path = join(this.#mount, 'data')
    mkdirSync(this.#mount)
    this.unfillable = mount(this.#mount)
    mkdirSync(this.path)
  }

  /** Takes every byte that is left, and never more than the small disk has. */
  fill(): void {
    if (this.unfillable !== undefined) return
    const file = openSync(join(this.#mount, 'filler'), 'a')
    try {
      let left = SIZE
      for (let size = 1 << 20; size >= 512; size >>= 1) {
        left -= writeWhileThereIsSpace(file, Buffer.alloc(size), left)
      }
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(join(this.#mount, 'filler'), { force: true })
  }

  /** Takes the data away, as a disk that was lost. The server must not be running. */
  lose(): void {
    for (const name of readdirSync(this.path)) {
      rmSync(join(this.path, name), { recursive: true, force: true })
    }
  }

  remove(): void {
    if (this.unfillable === undefined) execFileSync('umount', ['-l', this.#mount])
    rmSync(this.#mount, { recursive: true, force: true })
  }
}

/** Writes the block again and again. Returns how many bytes there was space for. */
function writeWhileThereIsSpace(file: number, block: Buffer, limit: number): number {
  let written = 0
  try {
    while (written + block.length <= limit) written += writeSync(file, block)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error
  }
  return written
}

/** Mounts a small tmpfs. Returns why not, when it cannot. */
function mount(path: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a small disk'
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', path], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `no small disk: ${(error as Error).message.split('\n')[0]}`
  }
}
