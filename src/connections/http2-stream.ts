import { constants, type ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { HandshakeAnswer } from './handshake-answer.js'

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants

/** How long a stream that is dropped may take to deliver what was written to it, milliseconds. */
const LINGER = 1000

type Done = (error?: Error | null) => void

/**
 * A stream of HTTP/2 that looks like the socket of an HTTP/1.1 handshake (RFC 8441): what is written
 * first is the answer to the handshake, which is translated; what follows are WebSocket frames.
 *
 * It ends as a TCP socket ends: `end()` is END_STREAM, `destroy()` RST_STREAM. A TCP socket that is
 * destroyed still delivers what it has taken, and programs rely on that: they write a close frame
 * or a refusal and drop the socket at once. RST_STREAM throws such bytes away, so it waits for
 * them, for a second at most.
 */
export class Http2StreamSocket extends Duplex {
  /** Of the connection below, as those of a `net.Socket`: several streams share them. */
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** Bytes of this stream alone. */
  bytesRead = 0
  bytesWritten = 0
  readonly #stream: ServerHttp2Stream
  /** Undefined once the handshake is answered. */
  #answer: HandshakeAnswer | undefined = new HandshakeAnswer()
  #refused = false
  /** Bytes of the body of a refusal that are still to come. */
  #remaining = Number.POSITIVE_INFINITY
  #lingering: NodeJS.Timeout | undefined

  /** @param stream a stream whose headers were read and not answered */
  constructor(stream: ServerHttp2Stream) {
    super()
    const socket = stream.session?.socket as TLSSocket | undefined
    this.encrypted = socket?.encrypted ?? false
    this.remoteAddress = socket?.remoteAddress
    this.remotePort = socket?.remotePort
    this.localAddress = socket?.localAddress
    this.localPort = socket?.localPort
    this.#stream = stream
    stream.on('data', (bytes: Buffer) => {
      this.bytesRead += bytes.length
      if (!this.push(bytes)) stream.pause()
    })
    stream.on('end', () => this.push(null))
    stream.on('close', () => this.#streamClosed())
    // Reset by the peer: the stream itself would wait for a write that cannot end any more.
    stream.on('aborted', () => super.destroy())
    // A reset by the peer. `close` follows, and that is all there is to know.
    stream.on('error', () => {})
    // Until somebody else listens: a handshake that fails must not end the process.
    this.on('error', () => {})
  }

  override _read(): void {
    if (!this.#lingering) this.#stream.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#write([bytes], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: Done): void {
    if (this.#closed) {
      done()
      return
    }
    if (this.#answer) this.#stream.close(NGHTTP2_INTERNAL_ERROR)
    this.#stream.end(() => done())
  }

  override destroy(error?: Error): this {
    const pending = this.writableLength > 0 || (this.#refused && !this.writableFinished)
    if (error || this.#closed || !pending) return super.destroy(error)
    if (this.#lingering) return this
    this.#lingering = setTimeout(() => super.destroy(), LINGER)
    this.#stream.pause()
    this.end(() => super.destroy())
    return this
  }

  /** As that of a `net.Socket`: drops the stream once all is written. */
  destroySoon(): void {
    this.end(() => this.destroy())
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#lingering)
    const stream = this.#stream
    // A stream on which something waits to be read would never close.
    stream.removeAllListeners('data').resume()
    if (this.writableFinished && !error) {
      if (!this.#closed) stream.close(NGHTTP2_NO_ERROR)
    } else {
      if (!this.#closed) stream.close(error ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL)
      // At once, with what is waiting: a peer that does not read would keep it here.
      stream.destroy()
    }
    done(error)
  }

  get #closed(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  #streamClosed(): void {
    if (!this.writableFinished || !this.#stream.readableEnded) super.destroy()
  }

  #write(chunks: Buffer[], done: Done): void {
    let frames = chunks
    try {
      if (this.#answer) frames = this.#translate(this.#answer, Buffer.concat(chunks))
    } catch (error) {
      done(error as Error)
      return
    }
    // After a reset writes come to nothing, as on a TCP socket: the `close` on its way says so.
    if (frames.length === 0 || this.#closed || this.#stream.writableEnded) {
      done()
      return
    }
    let size = 0
    this.#stream.cork()
    for (const [index, frame] of frames.entries()) {
      size += frame.length
      this.#stream.write(frame, index === frames.length - 1 ? () => done() : undefined)
    }
    this.#stream.uncork()
    this.bytesWritten += size
    if (this.#refused) this.#refusalSent(size)
  }

  /** Answers the handshake once the head of the answer is complete. Returns what is behind it. */
  #translate(answer: HandshakeAnswer, bytes: Buffer): Buffer[] {
    const taken = answer.take(bytes)
    if (!taken || this.#closed) return []
    const { head, rest } = taken
    this.#answer = undefined
    this.#stream.respond(head.headers)
    if (!head.accepted) {
      this.#refused = true
      this.#remaining = head.length ?? Number.POSITIVE_INFINITY
      if (rest.length === 0) this.#refusalSent(0)
    }
    return rest.length > 0 ? [rest] : []
  }

  /** A refusal that is complete is the end of its stream, whether or not somebody ends it. */
  #refusalSent(bytes: number): void {
    this.#remaining -= bytes
    if (this.#remaining <= 0) process.nextTick(() => this.destroy())
  }
}
