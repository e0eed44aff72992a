/** WebSocket opcodes of data frames (RFC 6455, section 5.2). */
export const Opcode = { text: 1, binary: 2 } as const

const FIN = 0x80

/** Bytes of the header of an unmasked frame with this payload (RFC 6455, section 5.2). */
function headerLength(payload: number): number {
  return payload < 126 ? 2 : payload < 65_536 ? 4 : 10
}

function writeHeader(into: Buffer, at: number, opcode: number, payload: number): number {
  into[at] = FIN | opcode
  if (payload < 126) {
    into[at + 1] = payload
    return at + 2
  }
  if (payload < 65_536) {
    into[at + 1] = 126
    return into.writeUInt16BE(payload, at + 2)
  }
  into[at + 1] = 127
  into.writeUInt32BE(Math.floor(payload / 2 ** 32), at + 2)
  return into.writeUInt32BE(payload >>> 0, at + 6)
}

/**
 * Encodes texts as complete, unmasked text frames, one after the other in one buffer: what a
 * server sends (RFC 6455, section 5.1), ready for one write.
 */
export function encodeTextFrames(texts: readonly string[]): Buffer {
  let size = 0
  const lengths: number[] = []
  for (const text of texts) {
    const length = Buffer.byteLength(text)
    lengths.push(length)
    size += headerLength(length) + length
  }
  const frames = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = 0; i < texts.length; i++) {
    at = writeHeader(frames, at, Opcode.text, lengths[i] as number)
    at += frames.write(texts[i] as string, at)
  }
  return frames
}

/** Bytes of one complete, unmasked frame with a payload of so many. */
export function frameLength(payload: number): number {
  return headerLength(payload) + payload
}

/** Writes the bytes from `start` to `end` as one complete, unmasked frame; returns where it ends. */
export function writeFrame(
  into: Buffer,
  at: number,
  opcode: number,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const payloadAt = writeHeader(into, at, opcode, end - start)
  return payloadAt + bytes.copy(into, payloadAt, start, end)
}
