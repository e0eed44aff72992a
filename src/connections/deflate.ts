import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { frameLength, Opcode, writeFrame } from './frame.js'

/** Marks a compressed message in the first byte of its first frame (RFC 7692, section 7.2.1). */
const RSV1 = 0x40

/** Size of the window, a power of 2, as clients are told: 4 KiB. Larger ones gain little here. */
export const WINDOW_BITS = 12

/** Measured with chat messages as JSON: a third of the time of zlib's default, 5 % more bytes. */
const LEVEL = 3
const MEMORY_LEVEL = 5

/**
 * Longest text that is compressed, bytes. It is done at once, so that nothing that comes later can
 * overtake it: this much takes about two milliseconds.
 */
const MAX_DEFLATED = 131_072

/** What every compressed message would end with, and so does not (RFC 7692, section 7.2.1). */
const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** How a message says that it is not to be compressed. See `NewMessage`. */
const NOT_COMPRESSED = '"compress":false'

/** What a frame carries, and its opcode with the reserved bits. */
interface Payload {
  readonly bytes: Buffer
  readonly opcode: number
}

export interface DeflateOptions {
  /** Shortest text that is compressed, bytes. */
  readonly minBytes: number
  /** Longest message from a client, after inflating, bytes. */
  readonly maxInflated: number
}

/**
 * permessage-deflate (RFC 7692) without context takeover, in both directions. Nothing is kept between
 * messages: so one compressed message is the same for everybody, a connection that is silent holds
 * nothing, and no message can tell anything about another.
 */
export class Deflate {
  readonly #minBytes: number
  readonly #maxInflated: number
  /** The newest text that was long enough: an event to everyone is in a batch of its own for each. */
  #lastText = ''
  #last: Payload = { bytes: Buffer.alloc(0), opcode: Opcode.text }

  constructor({ minBytes, maxInflated }: DeflateOptions) {
    this.#minBytes = minBytes
    this.#maxInflated = maxInflated
  }

  /** As `encodeTextFrames`, with those compressed that gain by it and may be. */
  encodeTextFrames(texts: readonly string[]): Buffer {
    const payloads = texts.map((text) => this.#payload(text))
    const size = payloads.reduce((sum, { bytes }) => sum + frameLength(bytes.length), 0)
    const frames = Buffer.allocUnsafe(size)
    let at = 0
    for (const { bytes, opcode } of payloads) {
      at = writeFrame(frames, at, opcode, bytes, 0, bytes.length)
    }
    return frames
  }

  /** The message that was compressed to this; undefined when it is none, or longer than allowed. */
  inflate(payload: Buffer): Buffer | undefined {
    try {
      return inflateRawSync(Buffer.concat([payload, TRAILER]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: this.#maxInflated,
      })
    } catch {
      return undefined
    }
  }

  #payload(text: string): Payload {
    if (text.length < this.#minBytes && Buffer.byteLength(text) < this.#minBytes) {
      return { bytes: Buffer.from(text), opcode: Opcode.text }
    }
    if (text !== this.#lastText) {
      this.#last = deflate(text)
      this.#lastText = text
    }
    return this.#last
  }
}

function deflate(text: string): Payload {
  const plain = Buffer.from(text)
  if (plain.length <= MAX_DEFLATED && !text.includes(NOT_COMPRESSED)) {
    const deflated = deflateRawSync(plain, {
      level: LEVEL,
      memLevel: MEMORY_LEVEL,
      windowBits: WINDOW_BITS,
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    const length = deflated.length - TRAILER.length
    if (length < plain.length) {
      return { bytes: deflated.subarray(0, length), opcode: Opcode.text | RSV1 }
    }
  }
  return { bytes: plain, opcode: Opcode.text }
}
