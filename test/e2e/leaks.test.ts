import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { signToken } from '../helpers/jwt.js'
import { startService, type TestService } from '../helpers/service.js'

/** Connections in all; a fourth ends each way. `LEAK_CONNECTIONS=20000` for the long run. */
const CONNECTIONS = Number(process.env.LEAK_CONNECTIONS ?? 4000)
const WARM_UP = 400
const AT_ONCE = 200

/** Bytes of heap a connection may leave behind on average: noise, not a leak of anything it held. */
const ALLOWED = 64

const JOIN = maskedText('{"action":"join","id":"j","room":"8888"}')
/** A masked close frame with code 1000. */
const CLOSE = Buffer.from('88820000000003e8', 'hex')

/** A short text as one masked frame with the mask 0 (RFC 6455, section 5.3). */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

setFlagsFromString('--expose_gc')
const collect: () => void = runInNewContext('gc')

async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}

/** Sockets of this test that have gone silent; the server has to get rid of them without help. */
const halfOpen: Socket[] = []

type Ending = 'close' | 'reset' | 'half-open' | 'refused'

/** Opens a connection by hand; resolves once it has joined a room, or was refused. */
function open({ port }: TestService, n: number, ending: Ending): Promise<Socket> {
  const token = ending === 'refused' ? 'a.b.c' : signToken({ sub: `user-${n}` })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    `GET /chat HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  if (ending !== 'refused') socket.write(JOIN)
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (text.includes('"recovered"')) resolve(socket)
    })
    socket.on('close', () => resolve(socket))
  })
}

async function openAndEnd(service: TestService, n: number, ending: Ending): Promise<void> {
  const socket = await open(service, n, ending)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  if (ending === 'close') socket.write(CLOSE)
  if (ending === 'reset') socket.resetAndDestroy()
  // A half-open peer neither reads nor answers any more: the heartbeat has to find it.
  if (ending === 'half-open') halfOpen.push(socket.pause())
  else if (!socket.destroyed) await closed
}

async function run(service: TestService, count: number): Promise<void> {
  for (const ending of ['close', 'reset', 'refused', 'half-open'] as const) {
    for (let n = 0; n < count; n += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => openAndEnd(service, n + i, ending))
      await Promise.all(batch)
    }
  }
  const { connections, parley } = service.app
  while (connections.size > 0 || parley.rooms.size > 0) await new Promise(setImmediate)
  for (const socket of halfOpen.splice(0)) socket.destroy()
}

t.test(`${CONNECTIONS} connections, however they ended, leave nothing behind`, async (t) => {
  const service = await startService(t, { heartbeatSeconds: 1 })
  const { app } = service
  await run(service, WARM_UP)
  const before = await heapUsed()
  await run(service, CONNECTIONS / 4)
  const grown = (await heapUsed()) - before
  t.same(app.connections.sizes(), { connections: 0, users: 0, addresses: 0 })
  t.equal(app.parley.rooms.size, 0)
  t.same(await app.parley.broker.rooms({ limit: 10 }), { rooms: [], more: false })
  t.match(await app.parley.broker.members('8888', { limit: 10 }), { count: 0 })
  t.ok(
    grown < Math.max(20_000, CONNECTIONS) * ALLOWED,
    `${Math.round(grown / 1024)} KiB more heap than before`,
  )
})
