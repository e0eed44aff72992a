import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { Batch } from '../../../src/connections/batch.js'
import { DirectWriter, Written } from '../../../src/connections/direct-write.js'
import { encodeTextFrames } from '../../../src/connections/frame.js'
import { WebSocketTransport } from '../../../src/connections/websocket-transport.js'
import { makeCertificate } from '../../helpers/certificate.js'

/** Both ends of a TCP connection, and a writer that has seen how to write to it. */
async function pair(t: Test): Promise<{ here: Socket; there: Socket; writer: DirectWriter }> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const there = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [here] = (await once(server, 'connection')) as [Socket]
  for (const socket of [here, there]) socket.on('error', () => {})
  t.teardown(() => {
    here.destroy()
    there.destroy()
    server.close()
  })
  const writer = new DirectWriter()
  t.equal(writer.write(here, Buffer.from('a')), Written.not, 'the first write is only watched')
  here.write('')
  here.write(Buffer.from('a'))
  await once(there, 'data')
  there.pause()
  t.ok(writer.active, `plain sockets are written to directly on Node ${process.version}`)
  return { here, there, writer }
}

const NOTHING = Buffer.alloc(0)

/** Numbered lines, so that a missing, doubled or swapped byte shows. */
function* lines(): Generator<Buffer, never> {
  for (let n = 0; ; n++) yield Buffer.from(`${n}:${'x'.repeat(n % 3000)}\n`)
}

/** What `socket` gets, from now to its end. */
async function toEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test('what is written directly and through the stream arrives in one order', async (t) => {
  const { here, there, writer } = await pair(t)
  const sent: Buffer[] = []
  const results = new Set<Written>()
  for (const line of lines()) {
    sent.push(line)
    const written = writer.write(here, line)
    results.add(written)
    if (written === Written.not) here.write(line)
    // The peer reads nothing: in the end the kernel takes no more, and the stream queues behind.
    if (here.writableLength > 300_000) break
  }
  t.same([...results].sort(), [Written.not, Written.all, Written.waiting])
  const received = toEnd(there)
  await new Promise<void>((taken) => here.write('', () => taken()))
  for (const line of lines()) {
    if (sent.length % 1000 === 0) break
    sent.push(line)
    if (writer.write(here, line) === Written.not) here.write(line)
  }
  here.end()
  t.ok((await received) === Buffer.concat(sent).toString(), 'every byte, once, in order')
})

t.test('two pieces are written as one, whole or in part', async (t) => {
  const { here, there, writer } = await pair(t)
  const sent: Buffer[] = []
  for (const line of lines()) {
    const second = Buffer.alloc(40_000, `${sent.length},`)
    const written = writer.writeBoth(here, line, second)
    if (written === Written.not) break
    sent.push(line, second)
    if (written === Written.waiting) t.equal(writer.writeBoth(here, line, line), Written.not)
  }
  t.equal(here.writableLength, 0, 'nothing went through the stream')
  // What could be collected is, and its memory used again.
  for (let n = 0; n < 50; n++) Buffer.alloc(4_000_000, n)
  const received = toEnd(there)
  here.end()
  t.ok((await received) === Buffer.concat(sent).toString(), 'every byte, once, in order')
  t.equal(
    new DirectWriter().writeBoth(here, NOTHING, NOTHING),
    Written.not,
    'not by who has not seen how',
  )
})

t.test('bytes that wait outlive everything else that refers to them', async (t) => {
  const { here, there, writer } = await pair(t)
  const block = () => Buffer.alloc(4_000_000, 'block ')
  while (writer.write(here, block()) === Written.all);
  // What could be collected is, and its memory used again.
  for (let n = 0; n < 50; n++) Buffer.alloc(4_000_000, n)
  const received = toEnd(there)
  here.end()
  const text = await received
  t.ok(text === Buffer.alloc(text.length, 'block ').toString())
  t.equal(text.length % 4_000_000, 0)
})

t.test('a write to a connection that was reset ends it', async (t) => {
  const { here, there, writer } = await pair(t)
  there.resetAndDestroy()
  let closed = false
  here.on('close', () => {
    closed = true
  })
  while (!closed) {
    writer.write(here, Buffer.from('x'))
    await new Promise(setImmediate)
  }
  t.ok(here.destroyed)
  t.equal(writer.write(here, Buffer.from('x')), Written.not, 'and nothing is written after it')
})

t.test('what is not a plain socket is left to its stream', async (t) => {
  const { writer } = await pair(t)
  const { cert, key } = await makeCertificate(t)
  const server = createTlsServer({ cert, key }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const there = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const [here] = await once(server, 'secureConnection')
  t.equal(writer.write(here, Buffer.from('in the clear?')), Written.not)
  here.end('through TLS')
  t.equal(await toEnd(there), 'through TLS')
  server.close()
  t.equal(writer.write(new Duplex({ read() {}, write() {} }), Buffer.from('x')), Written.not)
  t.equal(writer.write(new Socket(), Buffer.from('x')), Written.not, 'nor one without a connection')
})

t.test('where a handle is not as expected, the stream goes on writing', async (t) => {
  const { here, there } = await pair(t)
  const writer = new DirectWriter()
  // A handle that does not count what it writes, as one of another kind might not.
  const handle = (here as unknown as { _handle: object })._handle
  Object.defineProperty(handle, 'bytesWritten', { get: () => 0 })
  const received = toEnd(there)
  for (let n = 0; n < 20; n++) {
    t.equal(writer.write(here, Buffer.from(`${n},`)), Written.not)
    here.write(Buffer.from(`${n},`))
  }
  t.notOk(writer.active)
  here.end()
  t.equal(await received, Array.from({ length: 20 }, (_, n) => `${n},`).join(''))
})

/** A server's WebSocket whose client does not read until it is told to. */
async function webSocket(t: Test, direct = true) {
  const http = createServer().listen(0, '127.0.0.1')
  const server = new WebSocketServer({ server: http })
  await once(http, 'listening')
  const there = connect((http.address() as AddressInfo).port, '127.0.0.1')
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
  there.write(
    `GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\n\r\n`,
  )
  const [ws, { socket }] = (await once(server, 'connection')) as [WebSocket, { socket: Socket }]
  await once(there, 'data')
  there.pause()
  t.teardown(() => {
    there.destroy()
    ws.terminate()
    server.close()
    http.close()
  })
  const writer = direct ? new DirectWriter() : undefined
  return { transport: new WebSocketTransport(ws, socket, writer), there, ws, socket }
}

t.test(
  'a transport writes both of two batches in order, whatever their size and its peer',
  async (t) => {
    for (const direct of [true, false]) {
      const { transport, there, socket, ws } = await webSocket(t, direct)
      const sent: string[] = []
      for (let n = 0; transport.buffered < 500_000; n++) {
        const pair = [`${n}:`.padEnd((n * 997) % 60_000, 'a'), `${n}:`.padEnd(n % 90, 'b')] as const
        sent.push(...pair)
        transport.writeBoth(new Batch([pair[0]]), new Batch([pair[1]]))
      }
      const received = toEnd(there)
      ws.close(1000)
      socket.end()
      const expected = Buffer.concat([encodeTextFrames(sent), Buffer.from([0x88, 2, 3, 0xe8])])
      t.equal((await received) === expected.toString(), true, 'every frame, once, in order')
      t.ok(transport.writeBoth(new Batch(['late']), new Batch(['x'.repeat(20_000)])), 'dropped')
    }
  },
)

t.test('a transport counts what a slow peer has not taken, and says when it has', async (t) => {
  const { transport, there, ws, socket } = await webSocket(t)
  const batch = new Batch(['x'.repeat(300_000)])
  let written = 0
  while (transport.write(batch)) written++
  t.ok(written > 0)
  t.equal(socket.writableLength, 0, 'the stream holds nothing')
  t.ok(transport.buffered >= 300_000, 'what waits is counted')
  t.notOk(transport.write(batch))
  t.ok(transport.buffered >= 600_000)
  let drained = false
  const whenDrained = new Promise<void>((resolve) =>
    transport.onceDrained(() => {
      drained = true
      resolve()
    }),
  )
  await new Promise(setImmediate)
  t.notOk(drained)
  there.resume()
  await whenDrained
  t.equal(transport.buffered, 0)
  there.pause()
  while (transport.write(batch));
  const gone = new Promise<void>((resolve) => transport.onceDrained(resolve))
  ws.terminate()
  await gone
  t.pass('a connection that ends waits for nothing')
})
