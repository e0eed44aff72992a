import type { Connection } from './connection.js'
import { frameLength, Opcode, writeFrame } from './frame.js'
import type { MessageSink } from './frame-reader.js'
import type { WebSocketTransport } from './websocket-transport.js'

const NOTHING = Buffer.alloc(0)

/**
 * Sends every message back, same type, same bytes. What was read at once goes out in one write;
 * a peer that does not read what it asked for is not read either, until it does.
 */
export class EchoSink implements MessageSink {
  readonly #connection: Connection
  readonly #transport: WebSocketTransport
  #frames = NOTHING
  #end = 0
  #waiting = false

  constructor(connection: Connection, transport: WebSocketTransport) {
    this.#connection = connection
    this.#transport = transport
  }

  message(bytes: Buffer, start: number, end: number, isBinary: boolean): void {
    this.#connection.received++
    this.#connection.sent++
    const length = frameLength(end - start)
    if (this.#end + length > this.#frames.length) {
      this.flush()
      // A masked frame is longer than the same one unmasked: the rest of what was read fits too.
      this.#frames = Buffer.allocUnsafe(Math.max(length, bytes.length))
    }
    const opcode = isBinary ? Opcode.binary : Opcode.text
    this.#end = writeFrame(this.#frames, this.#end, opcode, bytes, start, end)
  }

  flush(): void {
    if (this.#end === 0) return
    const frames = this.#frames.subarray(0, this.#end)
    this.#frames = NOTHING
    this.#end = 0
    // Reading is paused, but what was read at once may be a thousand times as long once inflated.
    if (this.#waiting) this.#connection.limitBuffered()
    if (this.#transport.writeFrame(frames) || this.#waiting) return
    this.#waiting = true
    this.#transport.pause()
    this.#transport.onceDrained(() => {
      this.#waiting = false
      this.#transport.resume()
    })
  }
}
