/** Frames of RFC 6455, section 5.2, as a client sends and gets them. */

export interface Frame {
  readonly opcode: number
  readonly payload: Buffer
  /** Bytes of the whole frame. */
  readonly size: number
}

export const Op = { text: 1, close: 8, ping: 9, pong: 10 } as const

/** Any key but zero, which servers may spare themselves the work for. */
const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** The frame at the front of the input, undefined while it is not whole yet. */
export function parseFrame(input: Buffer, at: number): Frame | undefined {
  const left = input.length - at
  if (left < 2) return undefined
  let header = 2
  let length = (input[at + 1] as number) & 0x7f
  if (length === 126) {
    if (left < 4) return undefined
    length = input.readUInt16BE(at + 2)
    header = 4
  } else if (length === 127) {
    if (left < 10) return undefined
    length = Number(input.readBigUInt64BE(at + 2))
    header = 10
  }
  if (left < header + length) return undefined
  const start = at + header
  const opcode = (input[at] as number) & 0x0f
  return { opcode, payload: input.subarray(start, start + length), size: header + length }
}

/** A masked frame. */
export function buildFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const header = length < 126 ? 6 : length < 65_536 ? 8 : 14
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (header === 8) frame.writeUInt16BE(length, 2)
  if (header === 14) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(MASK, header - 4)
  for (let i = 0; i < length; i++) {
    frame[header + i] = (payload[i] as number) ^ (MASK[i & 3] as number)
  }
  return frame
}
