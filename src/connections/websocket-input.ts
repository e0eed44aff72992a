import type { WebSocket } from 'ws'
import type { Deflate } from './deflate.js'
import { FrameReader, type Inflater, type MessageSink, type Remainder } from './frame-reader.js'
import type { ByteStream } from './websocket-transport.js'

/** `WebSocket.OPEN` of ws. */
const OPEN = 1

const kInput = Symbol('websocket input')

type DataListener = (this: ByteStream, chunk: Buffer) => void
type ReadStream = ByteStream & { [kInput]?: WebSocketInput }

/**
 * Hands a client's messages to `sink`. What nearly every client sends is read by a `FrameReader`
 * before ws sees it; ws gets the control frames, and from the first unusual frame on everything.
 *
 * That needs ws' own listener for data to be the only one, and no extension but ours. Where it is
 * not so, ws reads everything, as it would without this.
 *
 * To be called in the same turn as the upgrade: what a client sends at once must not be missed.
 * @param maxPayload longest message, bytes
 * @param deflate how messages were compressed, where client and server agreed on that
 */
export function readMessages(
  ws: WebSocket,
  socket: ByteStream,
  sink: MessageSink,
  maxPayload: number,
  deflate?: Deflate,
): void {
  ws.on('message', (data: Buffer, isBinary) => {
    sink.message(data, 0, data.length, isBinary, false)
    sink.flush()
  })
  const [listener, ...others] = socket.listeners('data')
  if (listener === undefined || others.length > 0) return
  if (ws.extensions !== '' && !deflate) return
  const stream: ReadStream = socket
  stream[kInput] = new WebSocketInput(
    ws,
    stream,
    listener as DataListener,
    deflate,
    (input) => new FrameReader(sink, input, maxPayload, deflate && input),
  )
  stream.on('data', onData).prependListener('close', onClose)
  stream.off('data', listener as DataListener)
}

/** One function for all connections: what it needs of one hangs on its socket. */
function onData(this: ReadStream, chunk: Buffer): void {
  this[kInput]?.read(chunk)
}

/** Before ws reads what the socket still holds. */
function onClose(this: ReadStream): void {
  this[kInput]?.leave()
}

class WebSocketInput implements Remainder, Inflater {
  readonly #ws: WebSocket
  readonly #socket: ReadStream
  readonly #listener: DataListener
  readonly #deflate: Deflate | undefined
  readonly #reader: FrameReader

  constructor(
    ws: WebSocket,
    socket: ReadStream,
    listener: DataListener,
    deflate: Deflate | undefined,
    readerFor: (input: WebSocketInput) => FrameReader,
  ) {
    this.#ws = ws
    this.#socket = socket
    this.#listener = listener
    this.#deflate = deflate
    this.#reader = readerFor(this)
  }

  read(chunk: Buffer): void {
    // The closing handshake is all that still matters, and ws' business.
    if (this.#ws.readyState !== OPEN) this.leave()
    this.#reader.read(chunk)
  }

  leave(): void {
    this.#reader.leave()
  }

  /** Nothing once the connection closes: ws does not do all of it in one turn. */
  inflate(payload: Buffer): Buffer | undefined {
    return this.#ws.readyState === OPEN ? this.#deflate?.inflate(payload) : undefined
  }

  control(frame: Buffer): void {
    this.#listener.call(this.#socket, frame)
  }

  takeOver(rest: Buffer): void {
    const socket = this.#socket
    if (socket[kInput] !== undefined) {
      delete socket[kInput]
      socket.on('data', this.#listener).off('data', onData).off('close', onClose)
    }
    this.#listener.call(socket, rest)
  }
}
