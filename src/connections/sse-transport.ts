import type { Writable } from 'node:stream'
import type { Clock, Scheduled } from '../clock.js'
import type { Batch } from './batch.js'
import { encodeStreamEnd, STREAM_HEAD, STREAM_PING } from './event-stream.js'
import type { Transport } from './transport.js'

export interface SseOptions {
  readonly clock: Clock
  /** How long the end may take to reach the peer, milliseconds. */
  readonly closeTimeout: number
}

/**
 * A client that gets Server-Sent Events. What it sends comes in requests of its own, which `Posts`
 * hands over; how far that is, and whether it may go on, is kept here.
 */
export class SseTransport implements Transport {
  readonly name = 'sse'
  /** With a posted `ping`. */
  readonly answersPings: boolean = true
  /** Whether anything may be posted for it. */
  readonly takesPosts: boolean = true
  bytesRead = 0
  bytesWritten = 0
  /** Number of the last action taken. */
  received = 0
  /** Whether what is posted has to wait. */
  paused = false
  readonly #out: Writable
  readonly #options: SseOptions
  #waiting: (() => void)[] = []
  #ending: Scheduled | undefined

  /** @param out body of the response, whose headers have been sent */
  constructor(out: Writable, options: SseOptions) {
    this.#out = out
    this.#options = options
    // A close follows each error and says as much.
    out.on('error', () => {})
    out.once('close', () => {
      this.#ending?.cancel()
      this.resume()
    })
    this.writeBytes(STREAM_HEAD)
  }

  get buffered(): number {
    return this.#out.writableLength
  }

  /** Posts that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  write(batch: Batch): boolean {
    return this.writeBytes(batch.eventStream())
  }

  writeBoth(first: Batch, second: Batch): boolean {
    this.write(first)
    return this.write(second)
  }

  /** Writes whole events. What comes after `close` is dropped. */
  protected writeBytes(bytes: Buffer): boolean {
    if (this.#ending || this.#out.destroyed) return true
    this.bytesWritten += bytes.length
    return this.#out.write(bytes)
  }

  ping(): void {
    this.writeBytes(STREAM_PING)
  }

  onceDrained(drained: () => void): void {
    const out = this.#out
    if (!out.writableNeedDrain || out.destroyed) {
      drained()
      return
    }
    const done = () => {
      out.off('drain', done)
      out.off('close', done)
      drained()
    }
    out.on('drain', done)
    out.on('close', done)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    for (const resumed of this.#waiting.splice(0)) resumed()
  }

  /** Resolves at the next `resume`, or when the peer is gone. */
  resumed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(code: number, reason: string): void {
    if (this.#ending) return
    const { clock, closeTimeout } = this.#options
    this.#ending = clock.after(closeTimeout, () => this.terminate())
    this.resume()
    this.#out.end(encodeStreamEnd(code, reason))
  }

  terminate(): void {
    this.#out.destroy()
  }
}
