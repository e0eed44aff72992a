import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noNginx } from '../helpers/nginx.js'
import { noRedis } from '../helpers/redis.js'
import { ClientGroup } from '../helpers/rolling-clients.js'
import { rollingRestart } from '../helpers/rolling-restart.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

t.setTimeout(120_000)

const ENV = {
  JWT_SECRET,
  DRAIN_SECONDS: '2',
  RATE_LIMIT_MESSAGES: '0',
  RATE_LIMIT_REQUESTS: '0',
}

async function connect(server: ServerProcess, user: string): Promise<ChatClient> {
  const token = signToken({ sub: user }, 600)
  const client = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, { token })
  await client.event('welcome')
  return client
}

const call = (server: ServerProcess, method: string, path: string, scope = '') =>
  fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${signToken({ sub: 'root', scope })}` },
  })

t.test('POST /drain sends everyone away in waves and ends the process', async (t) => {
  const server = await startServer(t, ENV)
  const clients = await Promise.all(Array.from({ length: 40 }, (_, n) => connect(server, `u${n}`)))
  const [deaf] = clients as [ChatClient]
  // Does not read any more: it neither sees nor answers the close.
  deaf.socket.pause()
  t.teardown(() => deaf.terminate())
  const closedAt = clients.slice(1).map(async (client) => {
    const { code } = await client.closed
    return { code, at: performance.now() }
  })

  const start = performance.now()
  const reply = await call(server, 'POST', '/drain', 'admin')
  t.equal(reply.status, 202)
  t.same(await reply.json(), { connections: 40, seconds: 2 })
  const ready = await call(server, 'GET', '/health/ready')
  t.match(
    { status: ready.status, body: await ready.json() },
    { status: 503, body: { status: 'draining' } },
  )
  const handshake = await call(server, 'GET', '/chat')
  t.equal(handshake.status, 426)
  const late = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, {
    token: signToken({ sub: 'late' }),
  })
  await t.rejects(late.opened, /503/)

  const closed = await Promise.all(closedAt)
  t.ok(closed.every(({ code }) => code === 1012))
  const spread = Math.max(...closed.map(({ at }) => at)) - Math.min(...closed.map(({ at }) => at))
  t.ok(spread > 1000, `closed over ${Math.round(spread)} ms`)
  for (const client of clients.slice(1)) {
    t.match(await client.event('closing'), { code: 1012, reconnect_after: Number })
  }
  t.equal(await server.exited(), 0)
  const took = performance.now() - start
  t.ok(took < 15_000, `ended after ${Math.round(took)} ms in spite of who ignores the close`)
})

t.test('a restart under load loses nothing that was acknowledged', async (t) => {
  // More than the load writes: what retention removes is not lost.
  const server = await startServer(t, { ...ENV, HISTORY_MESSAGES: '1000000' })
  const acknowledged: string[] = []
  const writers = await Promise.all(Array.from({ length: 10 }, (_, n) => connect(server, `w${n}`)))
  const work = writers.map(async (client, n) => {
    await client.ask('join', { room: 'r' })
    let open = true
    void client.closed.then(() => {
      open = false
    })
    for (let i = 0; open; i++) {
      const id = `${n}-${i}`
      const reply = await Promise.race([
        client.ask('send_to_room', { room: 'r', id, msg: i }),
        client.closed.then(() => undefined),
      ])
      if (reply?.event === 'ok') acknowledged.push(id)
    }
  })
  t.equal(await server.stop(), 0)
  await Promise.all(work)
  await server.restart()
  const stored = new Set<string>()
  for (let after = 0, more = true; more; ) {
    const reply = await call(server, 'GET', `/rooms/r/messages?after=${after}&limit=1000`)
    const page = (await reply.json()) as {
      messages: { id: string; offset: number }[]
      more: boolean
    }
    for (const message of page.messages) stored.add(message.id)
    more = page.more
    after = page.messages.at(-1)?.offset ?? after
  }
  t.ok(acknowledged.length > 100, `${acknowledged.length} acknowledged`)
  t.same(
    acknowledged.filter((id) => !stored.has(id)),
    [],
    'lost',
  )
})

t.test(
  'three nodes restart in turn under load, and nobody loses, doubles or swaps anything',
  { skip: noRedis || noNginx },
  async (t) => {
    const report = await rollingRestart(t, {
      nodes: 3,
      rooms: 6,
      drainSeconds: 1,
      between: 500,
      clients(url) {
        const group = new ClientGroup({ url, first: 0, clients: 60, rooms: 6, pace: 600 })
        t.teardown(() => group.close())
        return {
          start: () => group.start(),
          settle: () => group.settle(),
          report: async (ends) => [await group.report(ends)],
        }
      },
    })
    const { acknowledged, lost, doubled, misplaced, failed, returns } = report
    t.comment(
      `${acknowledged} acknowledged, ${returns.length} returns, peak ${report.peak} a second`,
    )
    t.ok(acknowledged > 200)
    t.ok(returns.length >= 60, 'everyone was sent away at least once')
    t.same({ lost, doubled, misplaced, failed }, { lost: 0, doubled: 0, misplaced: 0, failed: [] })
  },
)

t.test('a fault in native code ends the process at once', async (t) => {
  const server = await startServer(t, ENV)
  const exited = server.exited()
  process.kill(server.pid, 'SIGSEGV')
  t.equal(await exited, null, 'by the signal, and not by a drain that ends with a code')
})
