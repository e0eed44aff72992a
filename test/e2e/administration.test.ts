import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

t.setTimeout(120_000)

const iat = Math.floor(Date.now() / 1000) - 10

t.test('what administers reaches every node', { skip: noRedis }, async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const env = { JWT_SECRET, REDIS_URL: redis.url, DRAIN_SECONDS: '1', RATE_LIMIT_REQUESTS: '0' }
  const [a, b] = await Promise.all([startServer(t, env), startServer(t, env)])

  const call = (
    server: ServerProcess,
    method: string,
    path: string,
    claims: object,
    body?: object,
  ) =>
    fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${signToken(claims, 600)}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
  const connect = async (server: ServerProcess, claims: object, query = '') => {
    const token = query === '' ? { token: signToken(claims, 600) } : {}
    const client = new ChatClient(`${server.url.replace('http', 'ws')}/chat${query}`, token)
    t.teardown(() => client.terminate())
    await client.opened
    await client.event('welcome')
    return client
  }
  const admin = { sub: 'root', scope: 'admin publish' }

  t.test('a ticket of one node opens one handshake on another', async (t) => {
    const reply = await call(a, 'POST', '/tickets', { sub: 'ann' })
    const { ticket } = (await reply.json()) as { ticket: string }
    const ann = await connect(b, { sub: '' }, `?ticket=${ticket}`)
    t.match(ann.events[0], { user: 'ann' })
    await t.rejects(connect(a, { sub: '' }, `?ticket=${ticket}`), /401/)
  })

  t.test('a revocation closes connections of other nodes within a second', async (t) => {
    const stolen = await connect(b, { sub: 'ann', jti: 'stolen' })
    const user = await connect(b, { sub: 'ben', iat })
    const start = performance.now()
    await call(a, 'POST', '/revocations', admin, { jti: 'stolen' })
    await call(a, 'DELETE', '/users/ben/connections', admin)
    t.match([await stolen.closed, await user.closed], [{ code: 4501 }, { code: 4501 }])
    const took = performance.now() - start
    t.ok(took < 1000, `${took.toFixed(0)} ms`)
    t.equal((await call(b, 'GET', '/rooms', { sub: 'ann', jti: 'stolen' })).status, 401)
  })

  t.test('disconnecting, removing and sending reach other nodes too', async (t) => {
    const [ann, ben] = [await connect(b, { sub: 'ann' }), await connect(a, { sub: 'cleo' })]
    for (const client of [ann, ben]) await client.ask('join', { room: 'r' })
    await call(a, 'DELETE', '/rooms/r/members/ann', admin)
    t.match(await ann.event('left'), { room: 'r', user: 'ann' })
    t.match(await ben.event('left'), { room: 'r', user: 'ann', members: 1 })
    await call(a, 'POST', '/broadcast', admin, { msg: 'to all' })
    for (const client of [ann, ben]) t.match(await client.event('direct'), { msg: 'to all' })
    await call(a, 'POST', '/users/ann/messages', admin, { msg: 'to ann' })
    t.match(await ann.event('direct'), { msg: 'to ann' })
    const reply = await call(a, 'DELETE', `/connections/${ann.events[0]?.connection}`, admin)
    t.equal(reply.status, 202)
    t.match(await ann.closed, { code: 4501 })
  })

  type Body = Record<string, unknown>
  const read = async (server: ServerProcess, path: string): Promise<Body> =>
    (await (await call(server, 'GET', path, admin)).json()) as Body
  const nodes = async (server: ServerProcess) => (await read(server, '/nodes')).nodes as Body[]

  t.test('any node lists all nodes and their connections, page by page', async (t) => {
    const clients = [await connect(a, { sub: 'dora' }), await connect(b, { sub: 'dora' })]
    clients.push(await connect(b, { sub: 'emil' }))
    for (const client of clients) await client.ask('join', { room: 'deck' })
    for (const server of [a, b]) {
      const list = await nodes(server)
      t.equal(list.length, 2)
      t.equal(new Set(list.map(({ node }) => node)).size, 2)
      t.match(list, [
        { ok: true, draining: false },
        { instance: /:\d+$/, version: /^\d/ },
      ])
      t.ok((await read(server, '/nodes')).this === (await read(server, '/stats')).node)
    }
    const found: string[] = []
    for (let cursor = '', pages = 0; pages < 4; pages++) {
      const page = await read(a, `/connections?room=deck&limit=1${cursor}`)
      const [connection] = page.connections as { id: string; user: string; node: string }[]
      found.push(connection?.id as string)
      if (page.cursor === undefined) break
      cursor = `&cursor=${page.cursor}`
    }
    const ids = clients.map(({ events }) => events[0]?.connection as string)
    t.same([...found].sort(), ids.sort(), 'each once')
    const dora = await read(b, '/connections?user=dora')
    t.match(dora, { connections: [{ user: 'dora' }, { user: 'dora' }] })
    const doras = dora.connections as { node: string }[]
    t.equal(new Set(doras.map(({ node }) => node)).size, 2, 'which say their nodes')
    for (const id of ids) t.match(await read(a, `/connections/${id}`), { id, rooms: ['deck'] })
    t.equal((await call(a, 'GET', '/connections/nobody', admin)).status, 404)
    const bad = await call(a, 'GET', '/connections?cursor=made-up', admin)
    t.match(await bad.json(), { code: 'BAD_FIELD' })
  })

  t.test('a node is drained from another one, and is on no list any more', async (t) => {
    const there = await connect(b, { sub: 'fay' })
    const here = await connect(a, { sub: 'gus' })
    const { node } = (await read(b, '/stats')) as { node: string }
    t.equal((await call(a, 'POST', '/drain?node=nobody', admin)).status, 404)
    t.equal((await call(a, 'POST', `/drain?node=${node}`, { sub: 'fay' })).status, 403)
    const reply = await call(a, 'POST', `/drain?node=${node}`, admin)
    t.match(
      { status: reply.status, ...((await reply.json()) as Body) },
      { status: 202, seconds: 1 },
    )
    t.match(await there.closed, { code: 1012 })
    t.equal(await b.exited(), 0)
    await here.settled()
    t.equal((await nodes(a)).length, 1)
    await b.restart()
    while ((await nodes(a)).length < 2);
  })

  t.test('all nodes are drained at once', async (t) => {
    const clients = [await connect(a, { sub: 'ida' }), await connect(b, { sub: 'jon' })]
    const reply = await call(a, 'POST', '/drain?node=all', admin)
    t.equal(reply.status, 202)
    for (const client of clients) t.match(await client.closed, { code: 1012 })
    t.same(await Promise.all([a.exited(), b.exited()]), [0, 0])
  })
})
