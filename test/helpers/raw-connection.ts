import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/** A TCP connection on which a test says exactly which bytes go out, and sees which come back. */
export class RawConnection {
  readonly socket: Socket
  /** Resolves when the other side has closed, in whatever way. */
  readonly closed: Promise<void>
  #received = Buffer.alloc(0)
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {
      // A reset by the server is one of its answers; `closed` tells of it.
    })
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data])
      this.#wake()
    })
    socket.on('close', () => this.#wake())
  }

  /** Connects to a server that listens on a TCP port. */
  static async open(server: Server): Promise<RawConnection> {
    const { address, port } = server.address() as AddressInfo
    const socket = connect({ host: address, port, noDelay: true })
    const connection = new RawConnection(socket)
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return connection
  }

  /** Everything that has come so far. */
  get received(): Buffer {
    return this.#received
  }

  write(bytes: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** Resolves once what has come satisfies `enough`; rejects when the connection ends before. */
  async until(enough: (received: Buffer) => boolean): Promise<Buffer> {
    while (!enough(this.#received)) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.text)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#received
  }

  /** What has come, as Latin-1, so that a byte is a character. */
  get text(): string {
    return this.#received.toString('latin1')
  }

  /** Takes `count` bytes off the front of what has come. */
  drop(count: number): void {
    this.#received = this.#received.subarray(count)
  }

  /** Resolves with everything that came until the other side closed. */
  async toEnd(): Promise<string> {
    await this.closed
    return this.text
  }

  /** Ends with a TCP reset, so that nothing is said about it. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  end(): void {
    this.socket.destroy()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
