import type { Server } from 'node:net'
import { closeCode, type ServerFrame, serverFrames } from './frames.js'
import { signToken } from './jwt.js'
import { RawConnection } from './raw-connection.js'

/** A WebSocket on which a test says exactly which bytes go out. */
export class RawWebSocket {
  readonly raw: RawConnection
  /** What the server agreed to. */
  readonly extensions: string | undefined
  /** Complete frames that came, oldest first. */
  readonly frames: ServerFrame[] = []

  private constructor(raw: RawConnection, extensions: string | undefined) {
    this.raw = raw
    this.extensions = extensions
  }

  /** Connects to `/ws` or `/chat` and gets through the handshake. */
  static async open(
    server: Server,
    path: string,
    user = 'ann',
    extensions?: string,
  ): Promise<RawWebSocket> {
    const raw = await RawConnection.open(server)
    raw.write(
      [
        `GET ${path} HTTP/1.1`,
        'Host: localhost',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `Authorization: Bearer ${signToken({ sub: user })}`,
        ...(extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
        '\r\n',
      ].join('\r\n'),
    )
    const head = await raw.until((bytes) => bytes.includes('\r\n\r\n'))
    if (!raw.text.startsWith('HTTP/1.1 101 ')) throw new Error(`refused: ${raw.text}`)
    const end = head.indexOf('\r\n\r\n')
    const agreed = /^Sec-WebSocket-Extensions: (.*)$/im.exec(head.toString('latin1', 0, end))?.[1]
    raw.drop(end + 4)
    return new RawWebSocket(raw, agreed)
  }

  send(...bytes: Uint8Array[]): void {
    this.raw.write(Buffer.concat(bytes))
  }

  /** Resolves once a frame satisfies `is`, looking at every one once. */
  async frame(is: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    for (;;) {
      for (let next = this.#take(); next; next = this.#take()) {
        this.frames.push(next)
        if (is(next)) return next
      }
      const { length } = this.raw.received
      await this.raw.until((bytes) => bytes.length > length)
    }
  }

  /** Resolves once a text frame holds all of this. */
  text(...parts: string[]): Promise<ServerFrame> {
    return this.frame(
      ({ opcode, payload }) =>
        opcode === 1 && parts.every((part) => payload.toString().includes(part)),
    )
  }

  /** The code of the close frame that comes; 1006 when the connection ends without one. */
  async closeCode(): Promise<number | undefined> {
    try {
      return closeCode(await this.frame(({ opcode }) => opcode === 8))
    } catch {
      return 1006
    } finally {
      this.raw.end()
    }
  }

  #take(): ServerFrame | undefined {
    const { frames, used } = serverFrames(this.raw.received, 1)
    this.raw.drop(used)
    return frames[0]
  }
}
