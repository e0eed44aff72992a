import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

const iat = Math.floor(Date.now() / 1000) - 10

t.test('what administers reaches every node', { skip: noRedis }, async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const env = { JWT_SECRET, REDIS_URL: redis.url }
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
})
