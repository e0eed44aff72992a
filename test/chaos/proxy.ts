import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Milliseconds between two portions of a slow link. */
const TICK = 50

/** One direction of a link. */
class Pipe {
  /** Nothing gets through; what comes waits, as on a network that loses every packet. */
  cut = false
  /** Bytes that pass in a tick; Infinity: as they come. */
  rate = Number.POSITIVE_INFINITY
  readonly #from: Socket
  readonly #to: Socket
  readonly #reset: () => void
  #left = Number.POSITIVE_INFINITY
  #waiting: Buffer[] = []
  #ended = false

  constructor(from: Socket, to: Socket, reset: () => void) {
    this.#from = from
    this.#to = to
    this.#reset = reset
    from.on('data', (data: Buffer) => this.#take(data))
    from.on('end', () => {
      this.#ended = true
      this.pump()
    })
    to.on('drain', () => this.pump())
  }

  /** Resets the link when this many more bytes have passed. */
  resetAfter(bytes: number): void {
    this.#left = bytes
    this.pump()
  }

  /** Passes on what it may. */
  pump(): void {
    let budget = this.cut ? 0 : this.rate
    while (budget > 0 && this.#waiting.length > 0 && !this.#to.writableNeedDrain) {
      const next = this.#waiting.shift() as Buffer
      const length = Math.min(next.length, budget, this.#left)
      if (length < next.length) this.#waiting.unshift(next.subarray(length))
      budget -= length
      this.#left -= length
      if (length > 0) this.#to.write(next.subarray(0, length))
      if (this.#left <= 0) break
    }
    if (this.#left <= 0) this.#reset()
    else if (this.#waiting.length === 0) {
      if (this.#ended && !this.cut) this.#to.end()
      else this.#from.resume()
    }
  }

  #take(data: Buffer): void {
    this.#waiting.push(data)
    // The peer is to feel it when nothing gets through: its buffers fill, as on a real link.
    this.#from.pause()
    if (this.rate === Number.POSITIVE_INFINITY) this.pump()
  }
}

/** A connection through the proxy. */
export class Link {
  readonly up: Pipe
  readonly down: Pipe
  readonly #client: Socket
  readonly #server: Socket

  constructor(client: Socket, server: Socket, closed: () => void) {
    this.#client = client
    this.#server = server
    client.setNoDelay(true)
    server.setNoDelay(true)
    this.up = new Pipe(client, server, () => this.reset())
    this.down = new Pipe(server, client, () => this.reset())
    for (const socket of [client, server]) {
      socket.on('error', () => this.reset())
      socket.on('close', () => {
        this.#client.destroy()
        this.#server.destroy()
        closed()
      })
    }
  }

  /** Breaks the connection with a TCP reset on both sides. */
  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
  }

  heal(): void {
    for (const pipe of [this.up, this.down]) {
      pipe.cut = false
      pipe.rate = Number.POSITIVE_INFINITY
      pipe.pump()
    }
  }

  pump(): void {
    this.up.pump()
    this.down.pump()
  }
}

/** A TCP proxy between clients and the server, whose links can be disturbed one by one. */
export class TcpProxy {
  /** Ports of the servers, which take turns; connections are refused while there is none. */
  targets: readonly number[] = []
  readonly links = new Set<Link>()
  readonly #server: Server
  readonly #timer: NodeJS.Timeout
  #accepted = 0

  private constructor(server: Server) {
    this.#server = server
    this.#timer = setInterval(() => {
      for (const link of this.links) link.pump()
    }, TICK)
  }

  static async listen(): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: false })
    const proxy = new TcpProxy(server)
    server.on('connection', (client) => proxy.#accept(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    clearInterval(this.#timer)
    this.#server.close()
    for (const link of this.links) link.reset()
  }

  #accept(client: Socket): void {
    const port = this.targets[this.#accepted++ % this.targets.length]
    if (port === undefined) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const link: Link = new Link(client, server, () => this.links.delete(link))
    this.links.add(link)
  }
}
