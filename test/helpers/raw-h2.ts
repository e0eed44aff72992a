import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

/** Types of frames (RFC 9113, section 6). */
export const Frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const END_HEADERS = 4

/** A frame of HTTP/2, whether it makes sense or not. */
export function h2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** RST_STREAM with CANCEL. */
export const resetFrame = (stream: number) => h2Frame(Frame.reset, 0, stream, Buffer.of(0, 0, 0, 8))

/** An extended CONNECT for a WebSocket. */
export function connectFrame(stream: number, path: string, headers: Record<string, string>) {
  const all = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':authority': 'localhost',
    ':path': path,
    'sec-websocket-version': '13',
    ...headers,
  }
  const fields = Object.entries(all).flatMap(([name, value]) => [
    // Literal without indexing, new name (RFC 7541, section 6.2.2).
    Buffer.of(0),
    hpackString(name),
    hpackString(value),
  ])
  return h2Frame(Frame.headers, END_HEADERS, stream, Buffer.concat(fields))
}

/** RFC 7541, section 5.2, without Huffman. */
function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length: number[] = []
  let rest = bytes.length
  if (rest < 127) length.push(rest)
  else {
    length.push(127)
    for (rest -= 127; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** What a server has sent on a connection, by the types of frames. */
export interface Answers {
  readonly counts: Map<number, number>
  /** Error code of the GOAWAY that came, if one did. */
  goaway?: number
}

/** A connection of HTTP/2 on which a test says exactly which frames go out, against all limits. */
export class RawHttp2 {
  readonly socket: TLSSocket
  readonly closed: Promise<unknown>
  readonly answers: Answers = { counts: new Map() }
  #received = Buffer.alloc(0)

  private constructor(socket: TLSSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
  }

  static async open(port: number): Promise<RawHttp2> {
    const socket = connect({ port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    const raw = new RawHttp2(socket)
    socket.on('data', (bytes) => raw.#read(bytes))
    await once(socket, 'secureConnect')
    raw.write(PREFACE, h2Frame(Frame.settings, 0, 0, Buffer.alloc(0)))
    return raw
  }

  write(...frames: Buffer[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames))
  }

  count(type: number): number {
    return this.answers.counts.get(type) ?? 0
  }

  #read(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    for (;;) {
      if (this.#received.length < 9) return
      const length = 9 + this.#received.readUIntBE(0, 3)
      if (this.#received.length < length) return
      const type = this.#received[3] as number
      if (type === Frame.goaway) this.answers.goaway = this.#received.readUInt32BE(13)
      this.answers.counts.set(type, this.count(type) + 1)
      this.#received = this.#received.subarray(length)
    }
  }
}
