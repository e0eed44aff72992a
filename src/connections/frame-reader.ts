import { isUtf8 } from 'node:buffer'
import { Opcode } from './frame.js'

/** Takes the data messages of one connection. */
export interface MessageSink {
  /**
   * One whole message: the bytes from `start` to `end`, unmasked, text always valid UTF-8. The
   * bytes may be changed or used again after the call.
   * @param ascii every byte is known to be below 0x80
   */
  message(bytes: Buffer, start: number, end: number, isBinary: boolean, ascii: boolean): void
  /** Everything that was read at once has been handed over. */
  flush(): void
}

/** What a reader does not read itself. */
export interface Remainder {
  /** Takes one whole control frame, as it came. */
  control(frame: Buffer): void
  /** Takes this and everything that follows, from the start of a frame on. */
  takeOver(rest: Buffer): void
}

/** Makes a compressed message what it was. Undefined when it cannot or must not be. */
export interface Inflater {
  inflate(payload: Buffer): Buffer | undefined
}

/** FIN, no reserved bit, and the opcode (RFC 6455, section 5.2). */
const WHOLE_TEXT = 0x80 | Opcode.text
const WHOLE_BINARY = 0x80 | Opcode.binary
/** RSV1: the message is compressed (RFC 7692, section 7.2.1). */
const COMPRESSED = 0x40
const PING = 0x89
const PONG = 0x8a
const MASKED = 0x80
const MASK_LENGTH = 4
/** Longest payload of a control frame (RFC 6455, section 5.5). */
const MAX_CONTROL_PAYLOAD = 125

/** Second byte's length values that say that the length follows (RFC 6455, section 5.2). */
const LENGTH_16 = 126
const LENGTH_64 = 127

/**
 * Reads what nearly every client sends: whole, masked data frames. Everything else is left to a
 * full implementation, frame by frame where it can be, from the first fragment, close frame or
 * error on for good: this knows what is right, never what to do about what is not.
 */
export class FrameReader {
  readonly #sink: MessageSink
  readonly #remainder: Remainder
  readonly #maxPayload: number
  readonly #inflater: Inflater | undefined
  /** The beginning of a frame whose rest has not come yet, in a buffer that grows with it. */
  #held: Buffer | undefined
  #heldLength = 0
  /** How much of the frame must be there to go on. */
  #wanted = 0
  #left = false

  /**
   * @param maxPayload longest message, bytes: no more than one such frame is ever held
   * @param inflater for compressed messages, where they were agreed on
   */
  constructor(sink: MessageSink, remainder: Remainder, maxPayload: number, inflater?: Inflater) {
    this.#sink = sink
    this.#remainder = remainder
    this.#maxPayload = maxPayload
    this.#inflater = inflater
  }

  /** Takes what was read from the peer. */
  read(chunk: Buffer): void {
    if (this.#left) {
      this.#remainder.takeOver(chunk)
      return
    }
    if (this.#held === undefined) this.#readFrames(chunk)
    else {
      this.#hold(chunk)
      if (this.#heldLength >= this.#wanted) this.#readFrames(this.#takeHeld())
    }
  }

  /** Leaves everything from here on, and what is held, to the other implementation. */
  leave(): void {
    this.#left = true
    if (this.#held !== undefined) this.#remainder.takeOver(this.#takeHeld())
  }

  #takeHeld(): Buffer {
    const bytes = (this.#held as Buffer).subarray(0, this.#heldLength)
    this.#held = undefined
    this.#heldLength = 0
    return bytes
  }

  /** Copies, so that a few bytes do not keep all that was read with them, and a trickle is cheap. */
  #hold(bytes: Buffer): void {
    const length = this.#heldLength + bytes.length
    if (this.#held === undefined || length > this.#held.length) {
      const grown = Buffer.allocUnsafe(2 * length)
      this.#held?.copy(grown, 0, 0, this.#heldLength)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#heldLength)
    this.#heldLength = length
  }

  #readFrames(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.#left) {
      const next = this.#readFrame(bytes, at)
      if (next === at) break
      at = next
    }
    this.#sink.flush()
  }

  /** Returns where the next frame starts; `at` when there is nothing more to do with these bytes. */
  #readFrame(bytes: Buffer, at: number): number {
    const available = bytes.length - at
    if (available < 2) return this.#wait(bytes, at, 2)
    const first = bytes[at] as number
    const compressed = this.#inflater !== undefined && (first & COMPRESSED) !== 0
    const head = compressed ? first & ~COMPRESSED : first
    const second = bytes[at + 1] as number
    const isData = head === WHOLE_TEXT || head === WHOLE_BINARY
    const isControl = !compressed && (head === PING || head === PONG)
    if ((!isData && !isControl) || second < MASKED) return this.#quit(bytes, at)

    let length = second & ~MASKED
    let headerLength = 2
    if (length === LENGTH_16) {
      if (available < 4) return this.#wait(bytes, at, 4)
      length = bytes.readUInt16BE(at + 2)
      headerLength = 4
    } else if (length === LENGTH_64) {
      if (available < 10) return this.#wait(bytes, at, 10)
      length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
      headerLength = 10
    }
    if (length > (isData ? this.#maxPayload : MAX_CONTROL_PAYLOAD)) return this.#quit(bytes, at)
    const start = at + headerLength + MASK_LENGTH
    const end = start + length
    if (end > bytes.length) return this.#wait(bytes, at, end - at)
    if (isControl) {
      this.#remainder.control(bytes.subarray(at, end))
      return end
    }
    const isBinary = head === WHOLE_BINARY
    const taken = compressed
      ? this.#compressed(bytes, start, end, isBinary)
      : this.#message(bytes, start, end, isBinary)
    return taken ? end : this.#quit(bytes, at)
  }

  /** Hands one message over; false when it is not what it says it is. */
  #message(bytes: Buffer, start: number, end: number, isBinary: boolean): boolean {
    const ascii = unmask(bytes, start, end) < 0x80
    if (!isBinary && !ascii && !isUtf8(bytes.subarray(start, end))) {
      // Masking twice is not masking: the bytes are as they came again.
      unmask(bytes, start, end)
      return false
    }
    this.#sink.message(bytes, start, end, isBinary, ascii)
    return true
  }

  /** As `#message`, for one that is compressed. */
  #compressed(bytes: Buffer, start: number, end: number, isBinary: boolean): boolean {
    unmask(bytes, start, end)
    const message = this.#inflater?.inflate(bytes.subarray(start, end))
    if (message === undefined || !(isBinary || isUtf8(message))) {
      unmask(bytes, start, end)
      return false
    }
    this.#sink.message(message, 0, message.length, isBinary, false)
    return true
  }

  #wait(bytes: Buffer, at: number, wanted: number): number {
    this.#wanted = wanted
    this.#hold(at === 0 ? bytes : bytes.subarray(at))
    return at
  }

  #quit(bytes: Buffer, at: number): number {
    this.#left = true
    this.#remainder.takeOver(at === 0 ? bytes : bytes.subarray(at))
    return at
  }
}

/**
 * Unmasks a payload in place with the four bytes before it (RFC 6455, section 5.3).
 * @returns all bytes or-ed together: below 0x80 when all are ASCII
 */
function unmask(bytes: Buffer, start: number, end: number): number {
  const a = bytes[start - 4] as number
  const b = bytes[start - 3] as number
  const c = bytes[start - 2] as number
  const d = bytes[start - 1] as number
  let seen = 0
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    seen |= bytes[at] = (bytes[at] as number) ^ a
    seen |= bytes[at + 1] = (bytes[at + 1] as number) ^ b
    seen |= bytes[at + 2] = (bytes[at + 2] as number) ^ c
    seen |= bytes[at + 3] = (bytes[at + 3] as number) ^ d
  }
  for (let i = start - 4 + ((at - start) & 3); at < end; at++, i++) {
    seen |= bytes[at] = (bytes[at] as number) ^ (bytes[i] as number)
  }
  return seen
}
