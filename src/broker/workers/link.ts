import type { Duplex } from 'node:stream'
import type { Clock } from '../../clock.js'
import type { Item } from './items.js'

export interface LinkOptions {
  /** The socket between the two processes. Nothing is lost or reordered on it while both live. */
  readonly stream: Duplex
  readonly clock: Clock
  /** Takes what comes, in order. Does not throw. */
  readonly take: (item: Item, text: string) => void
  /** The other process is gone, or has closed. Called once. */
  readonly closed: () => void
}

/**
 * One end of the socket between a worker and the process that owns the log. What is sent in one
 * turn of the event loop is one frame: its length in bytes (32 bits, little-endian), a JSON array
 * of items, a newline, and the items' texts one after the other. Messages are JSON text already;
 * so they travel as they are, and nobody quotes or parses them on the way.
 */
export class Link {
  readonly #options: LinkOptions
  #items = ''
  #texts = ''
  #scheduled = false
  #closed = false
  #chunks: Buffer[] = []
  #received = 0
  /** Bytes of the frame that is coming in; 0 = not known yet. */
  #expected = 0
  #drained: (() => void) | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    const { stream } = options
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('drain', () => this.#tellDrained())
    stream.on('error', () => this.#end())
    stream.on('end', () => this.#end())
    stream.on('close', () => this.#end())
  }

  /** What the other process has not taken yet: bytes, and UTF-16 units of this turn. */
  get queued(): number {
    return this.#options.stream.writableLength + this.#items.length + this.#texts.length
  }

  /** Sends an item, with a text that is not to be quoted. */
  send(item: Item, text = ''): void {
    this.push(encodeItem(item, text), text)
  }

  /** As `send`, with an item that was encoded before: for several links at once. */
  push(item: string, text: string): void {
    if (this.#closed) return
    this.#items += this.#items === '' ? item : `,${item}`
    this.#texts += text
    if (this.#items.length + this.#texts.length >= FULL_FRAME) this.#flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      this.#options.clock.defer(() => {
        this.#scheduled = false
        this.#flush()
      })
    }
  }

  /** Calls once what is queued has been taken; replaces an earlier call. */
  onceDrained(call: () => void): void {
    this.#drained = call
    if (this.queued === 0) this.#options.clock.defer(() => this.#tellDrained())
  }

  /** Sends what is queued and closes. Resolves when the other process has closed too. */
  async close(): Promise<void> {
    this.#flush()
    const { stream } = this.#options
    if (this.#closed) return
    await new Promise<void>((resolve) => {
      stream.once('close', resolve)
      stream.end()
    })
  }

  /** Closes at once. */
  destroy(): void {
    this.#end()
  }

  #flush(): void {
    if (this.#items === '' || this.#closed) return
    const body = `[${this.#items}]\n${this.#texts}`
    this.#items = ''
    this.#texts = ''
    const length = Buffer.byteLength(body)
    const frame = Buffer.allocUnsafe(HEADER + length)
    frame.writeUInt32LE(length)
    frame.write(body, HEADER)
    this.#options.stream.write(frame)
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    while (this.#received >= HEADER) {
      if (this.#expected === 0) this.#expected = HEADER + this.#joined().readUInt32LE()
      if (this.#received < this.#expected) return
      const all = this.#joined()
      const frame = all.subarray(HEADER, this.#expected)
      const rest = all.subarray(this.#expected)
      this.#chunks = rest.length > 0 ? [rest] : []
      this.#received = rest.length
      this.#expected = 0
      this.#takeFrame(frame.toString())
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] as Buffer
  }

  #takeFrame(frame: string): void {
    let at = frame.indexOf('\n')
    const items = JSON.parse(frame.slice(0, at)) as [length: number, ...Item][]
    at++
    for (const [length, ...item] of items) {
      this.#options.take(item, length === 0 ? '' : frame.slice(at, at + length))
      at += length
    }
  }

  #tellDrained(): void {
    const drained = this.#drained
    if (drained === undefined || this.#closed) return
    this.#drained = undefined
    drained()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.stream.destroy()
    this.#options.closed()
  }
}

/** An item as it travels: the length of its text before it. */
export function encodeItem(item: Item, text: string): string {
  return JSON.stringify([text.length, ...item])
}

const HEADER = 4
/** UTF-16 units after which a frame leaves before the turn is over. */
const FULL_FRAME = 256 * 1024
