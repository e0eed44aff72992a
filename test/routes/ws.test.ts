import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { signToken } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'

async function connect(t: Test, port: number): Promise<WebSocket> {
  const headers = { authorization: `Bearer ${signToken({ sub: 'ann' })}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

t.test('every message comes back: same type, same bytes', async (t) => {
  const { port } = await startService(t)
  const socket = await connect(t, port)
  const sizes = [0, 1, 125, 126, 127, 65_535, 65_536]
  for (const size of sizes) {
    const bytes = randomBytes(size)
    socket.send(bytes)
    const [binary, isBinary] = await once(socket, 'message')
    t.ok(isBinary && bytes.equals(binary), `${size} bytes, binary`)
    const text = 'é'.repeat(size / 2)
    socket.send(text)
    const [back, isText] = await once(socket, 'message')
    t.ok(!isText && String(back) === text, `${size} bytes, text`)
  }
})

t.test('a fragmented message comes back whole', async (t) => {
  const { port } = await startService(t)
  const socket = await connect(t, port)
  socket.send('Hel', { fin: false })
  socket.send('', { fin: false })
  socket.ping()
  socket.send('lo', { fin: true })
  const [back] = await once(socket, 'message')
  t.equal(String(back), 'Hello')
})

t.test('the order of a burst is kept', async (t) => {
  const { port } = await startService(t)
  const socket = await connect(t, port)
  const back: string[] = []
  const done = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (back.push(String(data)) === 2000) resolve()
    })
  })
  const sent = Array.from({ length: 2000 }, (_, i) => `message ${i}`)
  for (const text of sent) socket.send(text)
  await done
  t.same(back, sent)
})

t.test('the close is answered with the client’s code and reason', async (t) => {
  const { port } = await startService(t)
  const socket = await connect(t, port)
  socket.close(4321, 'that is all')
  const [code, reason] = await once(socket, 'close')
  t.equal(code, 4321)
  t.equal(String(reason), 'that is all')
})

t.test('a message over the limit closes with 1009, invalid UTF-8 with 1007', async (t) => {
  const { port } = await startService(t)
  const large = await connect(t, port)
  large.send(Buffer.alloc(65_537))
  t.equal((await once(large, 'close'))[0], 1009)
  const invalid = await connect(t, port)
  invalid.send(Buffer.from([0xc3, 0x28]), { binary: false })
  t.equal((await once(invalid, 'close'))[0], 1007)
})

t.test('echo connections are in the registry too, and leave it', async (t) => {
  const { app, port } = await startService(t)
  const socket = await connect(t, port)
  socket.send('x')
  await once(socket, 'message')
  const [connection] = app.connections.ofUser('ann')
  t.match(connection, { endpoint: 'echo', received: 1, sent: 1 })
  socket.terminate()
  while (app.connections.size > 0) await new Promise(setImmediate)
  t.same(app.connections.sizes(), { connections: 0, users: 0, addresses: 0 })
})

t.test('an open connection does not hold the request that it came with', async (t) => {
  setFlagsFromString('--expose_gc')
  const collect: () => void = runInNewContext('gc')
  const { app, port, connect: join } = await startService(t)
  const requests: WeakRef<IncomingMessage>[] = []
  app.server.prependListener('upgrade', (request) => requests.push(new WeakRef(request)))
  const echo = await connect(t, port)
  echo.send('x')
  await once(echo, 'message')
  await join('bob')
  for (let turn = 0; turn < 20 && requests.some((request) => request.deref()); turn++) {
    await new Promise(setImmediate)
    collect()
  }
  t.same(
    requests.map((request) => request.deref()),
    [undefined, undefined],
  )
  t.equal(app.connections.size, 2)
})
