import type { SocketLike } from '../../client/index.js'
import type { Batch } from '../../src/connections/batch.js'
import type { Transport } from '../../src/connections/transport.js'
import { CLOSE_TIMEOUT } from '../../src/drain.js'
import { serverFrames } from '../helpers/frames.js'
import type { Timeline } from './timeline.js'
import { WireWatch } from './wire-watch.js'

/** What the server does about a connection. */
export interface ServerSide {
  receive(text: string): void
  closed(code: number): void
}

interface Flight {
  readonly bytes: number
  readonly arrive: () => void
}

/** One direction: in order, late, and no later than the reader reads. */
class Pipe {
  /** Nothing gets through any more, and nobody is told. */
  cut = false
  /** The reader does not read before this moment. */
  stalledUntil = 0
  /** Bytes under way. */
  bytes = 0
  readonly #timeline: Timeline
  readonly #queue: Flight[] = []
  #last = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  send(bytes: number, arrive: () => void): void {
    if (this.cut) return
    this.bytes += bytes
    this.#queue.push({ bytes, arrive })
    const { now, random } = this.#timeline
    const latency = random.chance(0.05) ? random.between(50, 400) : random.between(0.5, 15)
    // Some arrive together with what was sent before: as one chunk.
    const together = random.chance(0.4)
    const at = together ? Math.max(this.#last, now) : Math.max(this.#last, now + latency)
    this.#last = Math.max(at, this.stalledUntil)
    this.#timeline.after(this.#last - now, () => this.#deliver())
  }

  /** Loses everything under way, and whatever comes. */
  sever(): void {
    this.cut = true
    this.#queue.length = 0
    this.bytes = 0
  }

  #deliver(): void {
    if (this.#timeline.now < this.stalledUntil) {
      this.#timeline.after(this.stalledUntil - this.#timeline.now, () => this.#deliver())
      return
    }
    const flight = this.#queue.shift()
    if (!flight) return
    this.bytes -= flight.bytes
    flight.arrive()
  }
}

/** Bytes that the network takes before a writer notices that nobody reads. */
const KERNEL_BUFFER = 2048

/** A WebSocket between a client and the server, over a network that has its ways. */
export class SimConnection implements Transport {
  readonly name = 'simulated'
  readonly answersPings = true
  readonly watch = new WireWatch()
  readonly down: Pipe
  readonly up: Pipe
  bytesRead = 0
  bytesWritten = 0
  readonly #timeline: Timeline
  readonly #socket: SimSocket
  #server: ServerSide | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #paused = false
  #held: string[] = []
  #drained: (() => void)[] = []

  constructor(timeline: Timeline, socket: SimSocket) {
    this.#timeline = timeline
    this.#socket = socket
    this.down = new Pipe(timeline)
    this.up = new Pipe(timeline)
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** The handshake succeeded. */
  accept(server: ServerSide): void {
    this.#server = server
    this.down.send(0, () => this.#socket.opened())
  }

  /** The handshake was refused, or nobody was there. */
  refuse(): void {
    this.#state = 'closed'
    this.down.send(0, () => this.#socket.closed(1006))
  }

  get buffered(): number {
    return Math.max(0, this.down.bytes - KERNEL_BUFFER)
  }

  writeBoth(first: Batch, second: Batch): boolean {
    this.write(first)
    return this.write(second)
  }

  write(batch: Batch): boolean {
    if (this.#state !== 'open') return true
    for (const { opcode, payload } of serverFrames(batch.frames()).frames) {
      const text = payload.toString()
      if (opcode !== 1) this.watch.problems.push(`opcode ${opcode}`)
      this.watch.down(text)
      this.bytesWritten += payload.length
      this.down.send(payload.length, () => {
        this.#socket.received(text)
        if (this.buffered === 0) this.#drain()
      })
    }
    return this.buffered === 0
  }

  ping(): void {
    this.down.send(2, () => this.up.send(6, () => void this.bytesRead++))
  }

  onceDrained(drained: () => void): void {
    if (this.buffered === 0 || this.#state === 'closed') drained()
    else this.#drained.push(drained)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    const held = this.#held
    this.#held = []
    for (const text of held) this.#receive(text)
  }

  close(code: number, reason: string): void {
    this.resume()
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.down.send(4, () => {
      this.up.send(8, () => this.#end(code))
      this.#socket.closed(code, reason)
    })
    this.#timeline.after(CLOSE_TIMEOUT, () => this.#end(1006))
  }

  terminate(): void {
    this.down.send(0, () => this.#socket.closed(1006))
    this.#end(1006)
  }

  /** The client sends a message. */
  fromClient(text: string): void {
    this.watch.up(text)
    this.up.send(text.length, () => {
      this.bytesRead += text.length
      this.#receive(text)
    })
  }

  /** The client closes. */
  closeFromClient(code: number): void {
    this.up.send(8, () => this.#end(code))
  }

  /** A reset: both sides hear of it, each in its time. */
  reset(): void {
    this.down.sever()
    this.up.sever()
    const { random } = this.#timeline
    this.#timeline.after(random.between(0, 50), () => this.#end(1006))
    this.#timeline.after(random.between(0, 50), () => this.#socket.closed(1006))
  }

  /** The process of the server died; its side hears nothing any more. */
  serverDied(): void {
    this.#server = undefined
    this.#state = 'closed'
    this.down.sever()
    this.up.sever()
    this.#timeline.after(this.#timeline.random.between(0, 50), () => this.#socket.closed(1006))
  }

  #receive(text: string): void {
    if (this.#state === 'closed') return
    // What was in the chunk that is being read comes even so; see Pipe.send.
    if (this.#paused && this.#timeline.random.chance(0.7)) this.#held.push(text)
    else if (this.#held.length > 0) this.#held.push(text)
    else this.#server?.receive(text)
  }

  #end(code: number): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.up.sever()
    this.#server?.closed(code)
    this.#drain()
  }

  #drain(): void {
    for (const drained of this.#drained.splice(0)) drained()
  }
}

/** The client's end, as a browser would have it. */
export class SimSocket implements SocketLike {
  readyState = 0
  readonly bufferedAmount = 0
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly connection: SimConnection

  constructor(timeline: Timeline) {
    this.connection = new SimConnection(timeline, this)
  }

  send(data: string): void {
    if (this.readyState === 1) this.connection.fromClient(data)
  }

  close(code = 1005): void {
    if (this.readyState > 1) return
    this.readyState = 2
    this.connection.closeFromClient(code)
  }

  opened(): void {
    if (this.readyState === 0) this.readyState = 1
  }

  received(data: string): void {
    if (this.readyState === 1) this.onmessage?.({ data } as never)
  }

  closed(code: number, reason = ''): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose?.({ code, reason } as never)
  }
}
