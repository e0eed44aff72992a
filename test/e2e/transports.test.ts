import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { check } from '../chaos/checker.js'
import { explain } from '../chaos/explain.js'
import type { FinalLog, HistoryEvent } from '../chaos/history.js'
import { makeCertificate } from '../helpers/certificate.js'
import { ChatClient } from '../helpers/chat-client.js'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { Http2WebSocket } from '../helpers/h2-websocket.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { PYTHON, pythonMissing } from '../helpers/python.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { openChat } from './chat-page.js'
import { RecordedClient } from './recorded-client.js'

t.setTimeout(240_000)

/** The service over TLS. */
async function start(t: Test, env: Record<string, string> = {}): Promise<ServerProcess> {
  const { env: tls } = await makeCertificate(t)
  return startServer(t, { JWT_SECRET, RATE_LIMIT_REQUESTS: '0', LOG_LEVEL: 'info', ...tls, ...env })
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

/** In a page: which extensions a WebSocket of it gets. */
const AGREED = `(token) => new Promise((resolve) => {
  const url = location.origin.replace('http', 'ws') + '/ws'
  const socket = new WebSocket(url, ['parley.v1', 'bearer.' + token])
  socket.onopen = () => { socket.close(); resolve(socket.extensions) }
})`

for (const [transport, protocol, record] of [
  ['tls', 'http/1.1', 'websocket'],
  ['h2', 'h2', 'websocket-h2'],
] as const) {
  t.test(`Chromium chats over wss and ${protocol}`, { skip: chromiumMissing }, async (t) => {
    const server = await start(t, { COMPRESSION: 'on', COMPRESSION_MIN_BYTES: '0' })
    const browser = await launchChromium(t, transport)
    const [ann, bo] = [await openChat(t, browser), await openChat(t, browser)]
    await ann.enter(server.url, 'Ann', '8888')
    await bo.enter(server.url, 'Bo', '8888')
    for (const each of [ann, bo]) {
      const [spoken, sockets] = await each.page.evaluate<string[]>(
        "[performance.getEntriesByType('navigation')[0].nextHopProtocol, location.protocol]",
      )
      t.same([spoken, sockets], [protocol, 'https:'])
    }
    t.same([...server.transports], [record], 'the server saw the same')
    const extensions = await ann.page.evaluate<string>(
      `(${AGREED})('${signToken({ sub: 'ann' }, 600)}')`,
    )
    t.match(extensions, /^permessage-deflate; server_no_context_takeover/)
    await ann.say('8888', 'before')
    await bo.line('before').waitFor()
    await server.kill()
    await bo.waitFor('reconnecting')
    await ann.say('8888', 'in between')
    await server.restart()
    await bo.line('in between').waitFor()
    await bo.say('8888', 'after')
    await ann.line('after').waitFor()
    t.same(await ann.lines(), await bo.lines())
    t.same(
      (await ann.lines()).map(({ text }) => text),
      ['before', 'in between', 'after'],
    )
    t.same([...ann.complaints, ...bo.complaints], [])
  })
}

const CLIENT = fileURLToPath(new URL('../../../test/e2e/h2_client.py', import.meta.url))

/** A client in Python: what it gets is read line by line, what is written is sent. */
function startPython(t: Test, script: string, url: string, env: Record<string, string> = {}) {
  const TOKEN = signToken({ sub: 'python', name: 'Py' }, 600)
  const child = spawn(PYTHON, [script, url], { env: { TOKEN, ...env }, stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  const errors: string[] = []
  child.stderr.on('data', (data) => errors.push(String(data)))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    send: (action: object) => void child.stdin.write(`${JSON.stringify(action)}\n`),
    end: () => void child.stdin.end(),
    async event(name: string): Promise<Record<string, unknown>> {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw new Error(`the client ended before "${name}": ${errors.join('')}`)
        const found = JSON.parse(value)
        if (found.event === name) return found
      }
    },
  }
}

t.test('a client in Python comes in over HTTP/2', { skip: pythonMissing('h2') }, async (t) => {
  const server = await start(t)
  const python = startPython(t, CLIENT, `${server.url}/chat`)
  t.match(await python.event('welcome'), { user: 'python', nick: 'Py' })
  python.send({ action: 'join', id: 'j', room: 'r' })
  t.match(await python.event('ok'), { id: 'j' })
  const ann = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, {
    token: signToken({ sub: 'ann' }, 600),
  })
  t.teardown(() => ann.terminate())
  await ann.event('welcome')
  await ann.ask('join', { room: 'r' })
  await ann.ask('send_to_room', { room: 'r', msg: 'x'.repeat(20_000) })
  t.match(await python.event('message'), { offset: 1, msg: 'x'.repeat(20_000) })
  python.send({ action: 'send_to_room', id: 'm', room: 'r', msg: 'from Python' })
  t.match(await python.event('ok'), { id: 'm', offset: 2 })
  t.match(await ann.event('message'), { offset: 1 })
  t.match(await ann.event('message'), { offset: 2, user: 'python', msg: 'from Python' })
  python.end()
  t.match(await python.event('close'), { code: 1000 })
  t.same([...server.transports], ['websocket-h2', 'websocket'])
})

const PLAIN = fileURLToPath(new URL('../../../test/e2e/client.py', import.meta.url))

t.test(
  'a client in Python agrees on compression',
  { skip: pythonMissing('websockets') },
  async (t) => {
    const server = await startServer(t, { JWT_SECRET, COMPRESSION: 'on' })
    const url = `${server.url.replace('http', 'ws')}/chat`
    const python = startPython(t, PLAIN, url, { COMPRESSED: '1' })
    t.match(await python.event('welcome'), { user: 'python' })
    python.send({ action: 'join', id: 'j', room: 'r' })
    t.match(await python.event('ok'), { id: 'j' })
    const msg = 'as long as it is dull '.repeat(500)
    for (let offset = 1; offset <= 3; offset++) {
      python.send({ action: 'send_to_room', id: `m${offset}`, room: 'r', msg })
      t.match(await python.event('ok'), { id: `m${offset}`, offset })
      t.match(await python.event('message'), { offset, msg })
    }
  },
)

class TlsWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { rejectUnauthorized: false })
  }
}

const KILLS = Number(process.env.TRANSPORT_KILLS ?? 3)

t.test('the promise holds over TLS, HTTP/2 and compressed, with kills in between', async (t) => {
  const server = await start(t, {
    RATE_LIMIT_MESSAGES: '0',
    HEARTBEAT_SECONDS: '2',
    COMPRESSION: 'on',
    COMPRESSION_MIN_BYTES: '0',
  })
  const history: HistoryEvent[] = []
  const clients = Array.from({ length: 8 }, (_, i) => {
    const socket = i % 2 ? TlsWebSocket : Http2WebSocket
    return new RecordedClient(`c${i}`, `user${i % 3}`, server.url, 'room', history, socket)
  })
  t.teardown(() => {
    for (const client of clients) client.close()
  })
  await Promise.all(clients.map((client) => client.join()))
  const over = new AbortController()
  const sending = clients.map(async (client) => {
    while (!over.signal.aborted) {
      client.send()
      await sleep(20)
      await until(() => client.pending < 20)
    }
  })
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep(500 + 500 * Math.random())
    history.push({ at: performance.now(), type: 'fault', text: `kill ${kill}` })
    await server.kill()
    await server.restart()
    const before = clients.map(({ room }) => room.position?.offset ?? 0)
    await until(() =>
      clients.every(({ room }, i) => (room.position?.offset ?? 0) > Number(before[i])),
    )
  }
  over.abort()
  await Promise.all(sending)
  await until(() => clients.every(({ pending }) => pending === 0))
  history.push({ at: performance.now(), type: 'quiet' })
  for (const client of clients) client.watchPresence()
  await until(() => clients.every(({ users }) => users === 'user0,user1,user2'))
  const log = await readLog(server)
  await until(() => clients.every(({ room }) => room.position?.offset === log.offset))
  t.same([...server.transports].sort(), ['websocket', 'websocket-h2'])
  const violations = check(history, [log], { presenceBound: 15_000 })
  for (const violation of violations.slice(0, 5)) t.comment(explain(violation, history).join('\n'))
  t.same(
    violations.map(({ rule, text }) => `${rule}: ${text}`),
    [],
  )
  const count = (type: string) => history.filter((event) => event.type === type).length
  t.equal(count('ok'), count('send'), 'everything was acknowledged')
  t.equal(log.offset, count('send'), 'and stored once')
  t.comment(`${KILLS} kills, ${log.offset} sent, ${count('message')} delivered`)
})

async function readLog(server: ServerProcess): Promise<FinalLog> {
  const reader = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, {
    // One of those who are there already: who is in the room stays as it is.
    token: signToken({ sub: 'user0' }, 600),
  })
  await reader.opened
  const messages: FinalLog['messages'][number][] = []
  await reader.ask('join', { room: 'room' })
  for (;;) {
    const after = messages.at(-1)?.offset ?? 0
    const page = await reader.ask('history', { room: 'room', after, limit: 1000 })
    for (const { offset, id, user, msg } of page.messages as {
      offset: number
      id: string
      user: string
      msg: unknown
    }[]) {
      messages.push({ offset, id, user, body: JSON.stringify(msg) })
    }
    if (page.more) continue
    const { epoch, first, offset } = page as unknown as FinalLog
    await reader.close()
    return { room: 'room', epoch, first, offset, messages }
  }
}
