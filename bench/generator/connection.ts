import { connect, type Socket } from 'node:net'
import { buildFrame, type Frame, Op, parseFrame } from './frames.js'
import type { Plan } from './plan.js'

/** What a work does with its connections. */
export interface Handlers {
  live?(connection: Connection): void
  message?(connection: Connection, frame: Frame): void
  closed?(connection: Connection): void
}

/** A WebSocket client that goes through the plan's steps and is live then. */
export class Connection {
  readonly index: number
  readonly room: number
  readonly local: number
  live = false
  closed = false
  pongs = 0
  #socket: Socket | undefined
  #upgraded = false
  #step = 0
  #input: Buffer = Buffer.alloc(0)
  readonly #plan: Plan
  readonly #handlers: Handlers

  constructor(plan: Plan, index: number, rooms: number, handlers: Handlers) {
    this.#plan = plan
    this.index = index
    this.room = index % rooms
    this.local = Math.floor(index / rooms)
    this.#handlers = handlers
  }

  open(): void {
    this.live = this.closed = this.#upgraded = false
    this.#step = 0
    this.#input = Buffer.alloc(0)
    const socket = connect(this.#plan.number('port', 0), '127.0.0.1')
    this.#socket = socket
    socket.setNoDelay(true)
    socket.write(this.#plan.request(this.room, this.index))
    socket.on('data', (data) => this.#take(data))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#gone()
    })
  }

  /** Sends a frame in one write. */
  send(frame: Uint8Array): void {
    this.#socket?.write(frame)
  }

  /** Drops the connection with a reset. */
  drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.closed = true
    socket?.resetAndDestroy()
  }

  reading(on: boolean): void {
    if (on) this.#socket?.resume()
    else this.#socket?.pause()
  }

  #gone(): void {
    if (this.closed) return
    this.closed = true
    if (!this.live) throw new Error(`connection ${this.index} was closed while it was set up`)
    this.#handlers.closed?.(this)
  }

  #take(data: Buffer): void {
    this.#input = this.#input.length > 0 ? Buffer.concat([this.#input, data]) : data
    if (!this.#upgraded && !this.#upgrade()) return
    let at = 0
    for (let frame = parseFrame(this.#input, 0); frame; frame = parseFrame(this.#input, at)) {
      at += frame.size
      this.#frame(frame)
    }
    this.#input = this.#input.subarray(at)
  }

  /** Takes the answer to the handshake, when it is whole. */
  #upgrade(): boolean {
    const end = this.#input.indexOf('\r\n\r\n')
    if (end < 0) return false
    const head = this.#input.toString('latin1', 0, end)
    if (!/^HTTP\/1\.1 101/.test(head)) throw new Error(`the handshake was refused: ${head}`)
    this.#input = this.#input.subarray(end + 4)
    this.#upgraded = true
    this.#advance()
    return true
  }

  #frame(frame: Frame): void {
    const { opcode, payload } = frame
    if (opcode === Op.pong) this.pongs++
    else if (opcode === Op.ping) this.send(buildFrame(Op.pong, payload))
    else if (opcode === Op.close) this.#socket?.end()
    else if (payload.toString('latin1', 0, 8) === this.#plan.text('answer_ping')) {
      this.send(buildFrame(Op.text, Buffer.from(this.#plan.text('answer_pong'))))
    } else if (this.live) this.#handlers.message?.(this, frame)
    else if (payload.includes(this.#plan.steps[this.#step]?.text ?? '')) {
      this.#step++
      this.#advance()
    }
  }

  /** Sends what follows from here, up to the next text to wait for. */
  #advance(): void {
    const { steps } = this.#plan
    for (let step = steps[this.#step]; step?.kind === 'send'; step = steps[++this.#step]) {
      const text = this.#plan.fill(step.text, this.room, this.index)
      this.send(buildFrame(Op.text, Buffer.from(text)))
    }
    if (this.#step < steps.length) return
    this.live = true
    this.#handlers.live?.(this)
  }
}

/** Opens all connections, some at a time, and resolves when each is live. */
export async function openAll(plan: Plan, all: readonly Connection[]): Promise<void> {
  const atOnce = plan.number('at_once', 64)
  const patience = plan.number('patience', 20) * 1000
  let until = performance.now() + patience
  let next = 0
  for (let live = 0; live < all.length; ) {
    const had = live
    live = all.filter((connection) => connection.live).length
    if (live > had) until = performance.now() + patience
    while (next < all.length && next - live < atOnce) all[next++]?.open()
    if (performance.now() > until) {
      throw new Error(`only ${live} of ${all.length} connections were set up`)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
