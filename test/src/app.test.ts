import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { logDestination } from '../../src/log-destination.js'
import { logRequest } from '../../src/log-request.js'
import { ChatClient } from '../helpers/chat-client.js'
import { signToken } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'

type Line = Record<string, unknown> & { level: number; msg: string }

/** A logger whose lines a test can read. */
function memoryLog(level: string) {
  const lines: Line[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line))
      done()
    },
  })
  // Serializers may return any value, only their type says that it is text.
  const serializers = { req: logRequest as never }
  return { lines, logger: { level, stream, serializers } }
}

t.test('a request is one line of the log, with its id; over the limit it is none', async (t) => {
  const { lines, logger } = memoryLog('info')
  const service = await startService(t, { rateLimitRequests: 2 }, { logger })
  const claims = { sub: 'ann' }
  for (let n = 0; n < 5; n++) await service.request('GET', '/rooms?limit=5', { claims })
  await service.request('GET', '/nowhere?secret=1')
  const requests = lines.filter(({ msg }) => msg.startsWith('request'))
  t.match(requests, [
    { reqId: String, req: { method: 'GET', url: '/rooms' }, res: { statusCode: 200 } },
    { reqId: String, responseTime: Number },
    { req: { url: '/nowhere' }, res: { statusCode: 404 } },
  ])
  t.equal(requests.length, 3)
  t.equal(new Set(requests.map(({ reqId }) => reqId)).size, 3)
  t.same(
    lines.filter((line) => JSON.stringify(line).includes('secret')),
    [],
  )
})

t.test('every line about a request or a connection says which one', async (t) => {
  const { lines, logger } = memoryLog('trace')
  const service = await startService(t, {}, { logger })
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  await ann.ask('send_to_room', { room: 'r', msg: 1 })
  service.app.parley.broker.append = () => Promise.reject(new Error('a fault'))
  t.match(await ann.ask('send_to_room', { room: 'r', msg: 2 }), { code: 'INTERNAL' })
  const url = `${service.url.replace('http', 'ws')}/chat`
  await t.rejects(new ChatClient(url, { token: signToken({ sub: 'b' }, -1) }).opened, /401/)
  const payload = { msg: 3 }
  const failed = await service.request('POST', '/rooms/r/messages', {
    claims: { sub: 'ann' },
    payload,
  })
  t.equal(failed.statusCode, 500)
  await ann.close()
  while (service.app.connections.size > 0) await new Promise(setImmediate)
  const id = ann.events[0]?.connection
  const about = (message: string) => lines.filter(({ msg }) => msg === message)
  for (const message of ['connection opened', 'action failed', 'connection closed']) {
    t.match(about(message), [{ connection: id }], message)
  }
  for (const message of ['handshake refused', 'request failed']) {
    t.match(about(message), [{ reqId: String }], message)
  }
  t.match(about('connection opened'), [{ reqId: String }], 'which handshake it came from')
  const server = /^Server listening|^Parley/
  const nameless = lines.filter((line) => !line.reqId && !line.connection && !server.test(line.msg))
  t.same(nameless, [])
})

t.test('a log that nobody reads is bounded, and says what it left out', async (t) => {
  const fifo = join(tmpdir(), `parley-log-${process.pid}`)
  execFileSync('mkfifo', [fifo])
  t.teardown(() => rm(fifo))
  const fd = openSync(fifo, 'r+')
  t.teardown(() => closeSync(fd))
  let told: (lines: number) => void = () => {}
  const dropped = new Promise<number>((resolve) => {
    told = resolve
  })
  const log = logDestination(fd, told, 300_000)
  for (let n = 0; n < 1000; n++) log.write(`${'x'.repeat(999)}\n`)
  // Without waiting in a read, which would never end once everything has come.
  const end = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const reader = new Socket({ fd: end, writable: false })
  t.teardown(() => reader.destroy())
  let received = 0
  reader.on('data', (chunk) => {
    received += chunk.length
  })
  const left = await dropped
  while (received < (1000 - left) * 1000) await once(reader, 'data')
  t.ok(left > 500, `${left} of 1000 lines were left out`)
  t.equal(received, (1000 - left) * 1000, 'the others came whole')
})
