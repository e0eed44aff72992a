import { once } from 'node:events'
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'

/** What a proxy does with the bytes of one direction. */
type Flow = 'pass' | 'hold'

/** A TCP proxy on a port of its own whose link can be cut, in one direction or both. */
export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [client: Socket, target: Socket]>()
  #up: Flow = 'pass'
  #down: Flow = 'pass'

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port)
    server.on('connection', (client) => proxy.#accept(client, targetPort))
    return proxy
  }

  /** Stops passing bytes on, without closing anything: `up` is towards the target. */
  cut(direction: 'up' | 'down' | 'both'): void {
    if (direction !== 'down') this.#up = 'hold'
    if (direction !== 'up') this.#down = 'hold'
    this.#apply()
  }

  /** Passes bytes on again, those first that were held back. */
  heal(): void {
    this.#up = 'pass'
    this.#down = 'pass'
    this.#apply()
  }

  /** Breaks every connection. New ones are taken. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.#server.close()
    this.reset()
    await once(this.#server, 'close')
  }

  #accept(client: Socket, targetPort: number): void {
    const target = tcpConnect({ host: '127.0.0.1', port: targetPort })
    const pair = [client, target] as const
    this.#pairs.add(pair)
    client.on('data', (bytes) => target.write(bytes))
    target.on('data', (bytes) => client.write(bytes))
    for (const [socket, other] of [pair, [target, client] as const]) {
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        other.destroy()
        this.#pairs.delete(pair)
      })
    }
    this.#apply()
  }

  #apply(): void {
    for (const [client, target] of this.#pairs) {
      if (this.#up === 'hold') client.pause()
      else client.resume()
      if (this.#down === 'hold') target.pause()
      else target.resume()
    }
  }
}
