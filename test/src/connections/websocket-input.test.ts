import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { FrameReader, type MessageSink } from '../../../src/connections/frame-reader.js'
import { readMessages } from '../../../src/connections/websocket-input.js'
import { clientFrame, closeCode, type ServerFrame, serverFrames } from '../../helpers/frames.js'

const MAX_PAYLOAD = 70_000

interface Read {
  readonly messages: [isBinary: boolean, payload: string][]
  /** The close code that the server sent or got. */
  readonly code: number
  readonly pongs: string[]
}

/** A server that reads with ws alone, or the way the service does. */
class Reading {
  static async start(t: Test, ours: boolean): Promise<Reading> {
    const http = createServer()
    const server = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD })
    const reading = new Reading(http.listen(0, '127.0.0.1'))
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head) => {
      server.handleUpgrade(request, socket, head, (ws) => reading.#accept(ws, socket, ours))
    })
    await once(http, 'listening')
    t.teardown(() => http.close())
    return reading
  }

  readonly #http: ReturnType<typeof createServer>
  #messages: Read['messages'] = []
  #closed: ((code: number) => void) | undefined

  private constructor(http: ReturnType<typeof createServer>) {
    this.#http = http
  }

  /** Sends chunks, each by itself, and returns what the server made of them. */
  async of(chunks: readonly Buffer[]): Promise<Read> {
    this.#messages = []
    const closed = new Promise<number>((resolve) => {
      this.#closed = resolve
    })
    const socket = connect((this.#http.address() as AddressInfo).port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('error', () => {})
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    socket.write(HANDSHAKE)
    while (!received.includes('\r\n\r\n')) await once(socket, 'data')
    for (const chunk of chunks) await new Promise<unknown>((sent) => socket.write(chunk, sent))
    socket.end()
    const code = await closed
    if (!socket.closed) await once(socket, 'close')
    const { frames } = serverFrames(received.subarray(received.indexOf('\r\n\r\n') + 4))
    return { messages: this.#messages, code, pongs: pongsOf(frames) }
  }

  #accept(ws: WebSocket, socket: Socket, ours: boolean): void {
    ws.on('error', () => {})
    ws.on('close', (code) => this.#closed?.(code))
    const take = (data: Buffer, isBinary: boolean) => {
      this.#messages.push([isBinary, data.toString('latin1')])
    }
    if (ours) readMessages(ws, socket, sink(take), MAX_PAYLOAD)
    else ws.on('message', take)
  }
}

const HANDSHAKE = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n')

function sink(take: (data: Buffer, isBinary: boolean) => void): MessageSink {
  return {
    message: (bytes, start, end, isBinary, ascii) => {
      const data = Buffer.from(bytes.subarray(start, end))
      if (ascii && data.some((byte) => byte > 0x7f)) throw new Error('not ASCII')
      take(data, isBinary)
    },
    flush: () => {},
  }
}

const pongsOf = (frames: readonly ServerFrame[]) =>
  frames.map((frame) =>
    frame.opcode === 8 ? `close ${closeCode(frame)}` : `${frame.opcode} ${frame.payload}`,
  )

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const whole = fc.oneof(
  text.map((payload) => clientFrame(payload)),
  fc.uint8Array({ maxLength: 200 }).map((payload) => clientFrame(payload, { opcode: 2 })),
  fc.nat(MAX_PAYLOAD).map((length) => clientFrame('y'.repeat(length))),
  text.map((payload) => clientFrame(payload, { lengthBytes: 8 })),
)
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
})
const unusual = fc.oneof(
  control.map(({ opcode, payload }) => clientFrame(payload, { opcode })),
  fc
    .tuple(text, text)
    .map(([a, b]) =>
      Buffer.concat([clientFrame(a, { fin: false }), clientFrame(b, { opcode: 0 })]),
    ),
  fc.constant(clientFrame(Buffer.from([0x03, 0xe8]), { opcode: 8 })),
)
const wrong = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((payload) => clientFrame(payload)),
  text.map((payload) => clientFrame(payload, { masked: false })),
  text.map((payload) => clientFrame(payload, { reserved: 4 })),
  text.map((payload) => clientFrame(payload, { opcode: 5 })),
  fc.constant(clientFrame('', { length: MAX_PAYLOAD + 1 })),
  fc.constant(clientFrame('x'.repeat(126), { opcode: 9 })),
  fc.constant(clientFrame('', { opcode: 9, fin: false })),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
)
const traffic = fc.array(
  fc.oneof({ weight: 8, arbitrary: whole }, { weight: 3, arbitrary: unusual }, wrong),
  { maxLength: 12 },
)

/** Cuts bytes at the given places, taken modulo their number. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at]
    .map((start, i) => bytes.subarray(start, at[i] ?? bytes.length))
    .filter(({ length }) => length > 0)
}

t.test('whatever a client sends is read as ws alone would read it', async (t) => {
  const ours = await Reading.start(t, true)
  const alone = await Reading.start(t, false)
  const property = fc.asyncProperty(
    traffic,
    fc.array(fc.nat(200_000), { maxLength: 6 }),
    async (frames, places) => {
      const chunks = cut(Buffer.concat(frames), places)
      t.same(await ours.of(chunks), await alone.of(chunks))
    },
  )
  await fc.assert(property, { numRuns: 300 })
})

/** A reader by itself, with what it gave to whom. */
function reader() {
  const given: [to: string, bytes: string][] = []
  const note = (to: string) => (bytes: Buffer) => {
    given.push([to, bytes.toString('latin1')])
  }
  const one = new FrameReader(
    sink(note('sink')),
    { control: note('control'), takeOver: note('other') },
    MAX_PAYLOAD,
  )
  return { one, given }
}

t.test('a message is read wherever its bytes are cut', async (t) => {
  const frames = [clientFrame('one'), clientFrame('ü'.repeat(100)), clientFrame('x'.repeat(300))]
  const bytes = Buffer.concat(frames)
  for (let at = 1; at < bytes.length; at++) {
    const { one, given } = reader()
    one.read(Buffer.from(bytes.subarray(0, at)))
    one.read(Buffer.from(bytes.subarray(at)))
    t.strictSame(
      given.map(([to, { length }]) => [to, length]),
      [
        ['sink', 3],
        ['sink', 200],
        ['sink', 300],
      ],
    )
  }
  const { one, given } = reader()
  for (const byte of bytes) one.read(Buffer.of(byte))
  t.equal(given.length, 3, 'also when it comes byte by byte')
})

t.test('what is held goes with the rest when another takes over', async (t) => {
  const { one, given } = reader()
  const frame = clientFrame('hello')
  one.read(Buffer.from(frame.subarray(0, 4)))
  one.leave()
  one.read(Buffer.from(frame.subarray(4)))
  t.equal(given.map(([to]) => to).join(), 'other,other')
  t.equal(given.map(([, bytes]) => bytes).join(''), frame.toString('latin1'))
})

t.test('text that is not UTF-8 is passed on as it came', async (t) => {
  const { one, given } = reader()
  const frame = clientFrame(Buffer.from([0x61, 0xc3, 0x28]))
  one.read(Buffer.from(frame))
  t.strictSame(given, [['other', frame.toString('latin1')]])
})
