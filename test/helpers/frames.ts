/** What a client's frame can be made of, rule or no rule (RFC 6455, section 5.2). */
export interface FrameOptions {
  readonly opcode?: number
  readonly fin?: boolean
  /** RSV1–RSV3 as bits 4, 2, 1. */
  readonly reserved?: number
  readonly masked?: boolean
  /** What the header says of the length, whatever the payload has. */
  readonly length?: number | bigint
  /** Bytes of the length field: 7 bits (1), 16 bits (2) or 64 bits (8). Default: the shortest. */
  readonly lengthBytes?: 1 | 2 | 8
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** One frame as a client sends it; masked text unless told otherwise. */
export function clientFrame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = 1, fin = true, reserved = 0, masked = true } = options
  const body = Buffer.from(payload as string)
  const length = BigInt(options.length ?? body.length)
  const lengthBytes = options.lengthBytes ?? (length < 126n ? 1 : length < 65_536n ? 2 : 8)
  const head = Buffer.alloc(2 + (lengthBytes === 1 ? 0 : lengthBytes))
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  const marker = lengthBytes === 1 ? Number(length) : lengthBytes === 2 ? 126 : 127
  head[1] = (masked ? 0x80 : 0) | marker
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2)
  if (lengthBytes === 8) head.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([head, body])
  for (let i = 0; i < body.length; i++) body[i] = (body[i] as number) ^ (MASK[i % 4] as number)
  return Buffer.concat([head, MASK, body])
}

export interface ServerFrame {
  readonly opcode: number
  /** RSV1: the message is compressed (RFC 7692). */
  readonly compressed: boolean
  readonly payload: Buffer
}

/**
 * Splits what a server sent into at most so many frames and says how many bytes they took; an unfinished frame
 * stays. Throws when one is masked, fragmented or has another reserved bit than RSV1: this server never does that.
 */
export function serverFrames(
  bytes: Buffer,
  most = Number.POSITIVE_INFINITY,
): { frames: ServerFrame[]; used: number } {
  const frames: ServerFrame[] = []
  let used = 0
  for (;;) {
    const rest = bytes.subarray(used)
    if (rest.length < 2 || frames.length === most) return { frames, used }
    const marker = rest[1] as number
    if (marker & 0x80 || ((rest[0] as number) & 0xb0) !== 0x80) {
      throw new Error(`not a server's frame: ${rest.subarray(0, 16).toString('hex')}`)
    }
    const head = marker < 126 ? 2 : marker === 126 ? 4 : 10
    if (rest.length < head) return { frames, used }
    const length =
      marker < 126
        ? marker
        : marker === 126
          ? rest.readUInt16BE(2)
          : Number(rest.readBigUInt64BE(2))
    if (rest.length < head + length) return { frames, used }
    frames.push({
      opcode: (rest[0] as number) & 0x0f,
      compressed: ((rest[0] as number) & 0x40) !== 0,
      payload: rest.subarray(head, head + length),
    })
    used += head + length
  }
}

/** The close code in a close frame's payload. */
export function closeCode({ payload }: ServerFrame): number | undefined {
  return payload.length >= 2 ? payload.readUInt16BE(0) : undefined
}
