import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** An HTTP proxy that treats WebSockets as some do, and loses what a test says. */
export class HttpProxy {
  /** What becomes of handshakes: refused at once, never answered, or let through. */
  upgrades: 'refuse' | 'swallow' | 'pass' = 'pass'
  /** Whether a request is lost before it arrives, or its answer on the way back. */
  lose: (request: IncomingMessage) => 'request' | 'answer' | undefined = () => undefined
  /** Handshakes and requests so far: `upgrade`, `GET`, `POST`. */
  readonly seen: string[] = []
  readonly #port: number
  readonly #server = createServer((from, to) => this.#forward(from, to))
  readonly #sockets = new Set<Socket>()

  private constructor(target: string) {
    this.#port = Number(new URL(target).port)
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('upgrade', (from, socket) => this.#upgrade(from, socket as Socket))
  }

  /** Starts it in front of a server; it is gone at the test's end. */
  static async start(t: Test, target: string): Promise<HttpProxy> {
    const proxy = new HttpProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    t.teardown(() => {
      proxy.#server.close()
      proxy.cut()
    })
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How often something was seen. */
  count(what: string): number {
    return this.seen.filter((seen) => seen === what).length
  }

  /** Ends all connections without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #forward(from: IncomingMessage, to: ServerResponse): void {
    const { method = '', url, headers, socket } = from
    this.seen.push(method)
    const loses = this.lose(from)
    if (loses === 'request') {
      socket.destroy()
      return
    }
    const target = request({ host: '127.0.0.1', port: this.#port, method, path: url, headers })
    from.pipe(target)
    target.on('error', () => to.destroy())
    to.on('close', () => target.destroy())
    target.on('response', (response) => {
      if (loses === 'answer') {
        socket.destroy()
        return
      }
      to.writeHead(response.statusCode ?? 500, response.headers)
      response.on('error', () => to.destroy())
      response.on('data', (chunk) => to.write(chunk))
      response.on('end', () => to.end())
      response.on('close', () => to.destroy())
    })
  }

  #upgrade({ method, url, rawHeaders }: IncomingMessage, socket: Socket): void {
    this.seen.push('upgrade')
    socket.on('error', () => {})
    if (this.upgrades === 'swallow') return
    if (this.upgrades === 'refuse') {
      socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const far = connect(this.#port, '127.0.0.1')
    far.on('error', () => socket.destroy())
    far.on('close', () => socket.destroy())
    socket.on('close', () => far.destroy())
    const head = [`${method} ${url} HTTP/1.1`]
    for (let i = 0; i < rawHeaders.length; i += 2)
      head.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
    far.write(`${head.join('\r\n')}\r\n\r\n`)
    socket.pipe(far).pipe(socket)
  }
}
