import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch } from './batch.js'
import type { Deflate } from './deflate.js'
import { type DirectWriter, Written } from './direct-write.js'
import { Http2StreamSocket } from './http2-stream.js'
import type { Transport } from './transport.js'

/** `WebSocket.OPEN` of ws. */
const OPEN = 1

/** Up to so many bytes, copying costs less than a second write to the network. */
const MAX_COPIED = 16_384

const NOTHING = Buffer.alloc(0)

/** What this needs of the socket below a WebSocket: a net.Socket, a TLSSocket, an HTTP/2 stream. */
export type ByteStream = Duplex & { readonly bytesRead?: number; readonly bytesWritten?: number }

/**
 * A WebSocket client. Data frames are written past ws' sender, straight to the socket: they are
 * complete frames, shared with other receivers. That is sound because nothing of ours is ever
 * sent through ws' sender except control frames, which it writes at once and whole.
 */
export class WebSocketTransport implements Transport {
  /** `websocket-h2` over HTTP/2 (RFC 8441). */
  readonly name: 'websocket' | 'websocket-h2'
  readonly answersPings = true
  readonly #ws: WebSocket
  readonly #socket: ByteStream
  readonly #writer: DirectWriter | undefined
  readonly #deflate: Deflate | undefined
  /** Bytes written past the stream that the peer has not taken. */
  #waiting = 0

  /**
   * @param writer writes past the stream where it can; without it nothing does
   * @param deflate how messages are compressed, where client and server agreed on that
   */
  constructor(ws: WebSocket, socket: ByteStream, writer?: DirectWriter, deflate?: Deflate) {
    this.name = socket instanceof Http2StreamSocket ? 'websocket-h2' : 'websocket'
    this.#ws = ws
    this.#socket = socket
    this.#writer = writer
    this.#deflate = deflate
  }

  get buffered(): number {
    return this.#socket.writableLength + this.#waiting
  }

  get bytesRead(): number {
    return this.#socket.bytesRead ?? 0
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten ?? 0
  }

  write(batch: Batch): boolean {
    return this.writeFrame(this.#encode(batch))
  }

  writeBoth(first: Batch, second: Batch): boolean {
    const [a, b] = [this.#encode(first), this.#encode(second)]
    if (a.length + b.length <= MAX_COPIED) return this.writeFrame(Buffer.concat([a, b]))
    if (this.#ws.readyState !== OPEN) return true
    const written = this.#writer?.writeBoth(this.#socket, a, b)
    if (written === Written.all) return true
    if (written === Written.waiting) return this.#wait(a.length + b.length)
    this.#socket.write(a)
    return this.#socket.write(b)
  }

  /** Writes complete frames. What comes after the closing handshake began is dropped. */
  writeFrame(frames: Buffer): boolean {
    if (this.#ws.readyState !== OPEN) return true
    const socket = this.#socket
    const written = this.#writer?.write(socket, frames)
    if (written === Written.all) return true
    if (written !== Written.waiting) return socket.write(frames)
    return this.#wait(frames.length)
  }

  ping(): void {
    if (this.#ws.readyState === OPEN) this.#ws.ping()
  }

  onceDrained(drained: () => void): void {
    const socket = this.#socket
    if (this.#waiting > 0 && socket.writable) {
      socket.write(NOTHING, () => this.onceDrained(drained))
      return
    }
    if (!socket.writableNeedDrain || socket.destroyed) {
      drained()
      return
    }
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      drained()
    }
    socket.on('drain', done)
    socket.on('close', done)
  }

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  close(code: number, reason: string): void {
    this.#ws.resume()
    this.#ws.close(code, reason)
  }

  terminate(): void {
    this.#ws.terminate()
  }

  /** Counts what was written past the stream and not taken. */
  #wait(length: number): false {
    this.#waiting += length
    // What is written through the stream comes after it, so that its end is known to the stream.
    this.#socket.write(NOTHING, () => {
      this.#waiting -= length
    })
    return false
  }

  #encode(batch: Batch): Buffer {
    return this.#deflate ? batch.deflatedFrames(this.#deflate) : batch.frames()
  }
}
