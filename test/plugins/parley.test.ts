import type { AddressInfo } from 'node:net'
import jwt from '@fastify/jwt'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { ConfigError, parley } from '../../plugins/parley.js'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'

const settings = {
  jwtSecret: [JWT_SECRET],
  dataDir: ':memory:',
  logLevel: 'silent' as const,
  drainSeconds: 0,
}
const HOST_SECRET = 'the other application has a key of its own'

/** An application of somebody else: own routes, error handler, hooks and JWT set-up. */
async function foreignApp(t: Test, early = false): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  if (early) await app.register(parley, { prefix: '/realtime', ...settings })
  await app.register(jwt, { secret: HOST_SECRET })
  app.setErrorHandler(async (error, _request, reply) =>
    reply.code(418).send({ theirs: (error as Error).message }),
  )
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ theirs: 'not found' }))
  app.addHook('onSend', async (_request, reply) => void reply.header('x-theirs', 'yes'))
  app.get('/health', async () => ({ theirs: true }))
  app.get('/fails', async () => {
    throw new Error('their error')
  })
  app.get('/me', { onRequest: (request) => request.jwtVerify() }, async ({ user }) => user)
  if (!early) await app.register(parley, { prefix: '/realtime', ...settings })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app
}

async function chat(t: Test, app: FastifyInstance, path: string): Promise<ChatClient> {
  const { port } = app.server.address() as AddressInfo
  const token = signToken({ sub: 'ann' })
  const client = new ChatClient(`ws://127.0.0.1:${port}${path}`, { token })
  t.teardown(() => client.terminate())
  await client.opened
  return client
}

for (const early of [false, true]) {
  const when = early ? 'before' : 'after'
  t.test(
    `mounted under a prefix ${when} a foreign application's own set-up, both work`,
    async (t) => {
      const app = await foreignApp(t, early)
      const client = await chat(t, app, '/realtime/chat')
      await client.ask('join', { room: 'r' })
      t.match(await client.ask('send_to_room', { room: 'r', msg: 1 }), { event: 'ok', offset: 1 })
      t.equal(app.connections.size, 1)
      t.equal(app.parley.rooms.size, 1)

      const theirs = await app.inject('/health')
      t.match(theirs, { headers: { 'x-theirs': 'yes' } })
      t.same(theirs.json(), { theirs: true })
      t.match((await app.inject('/realtime/health')).json(), { status: 'ok', connections: 1 })

      const failed = await app.inject('/fails')
      t.equal(failed.statusCode, 418)
      t.same(failed.json(), { theirs: 'their error' })
      t.same((await app.inject('/nowhere')).json(), { theirs: 'not found' })
      t.match((await app.inject('/realtime/rooms')).json(), {
        statusCode: 401,
        code: 'UNAUTHORIZED',
      })
      t.match((await app.inject('/realtime/nowhere')).json(), {
        statusCode: 404,
        code: 'NOT_FOUND',
      })

      const me = (token: string) =>
        app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
      t.match((await me(app.jwt.sign({ name: 'theirs' }))).json(), { name: 'theirs' })
      t.equal(
        (await me(signToken({ sub: 'ann' }))).statusCode,
        418,
        'our tokens open nothing there',
      )
      const hosts = app.jwt.sign({ sub: 'ann', exp: Math.floor(Date.now() / 1000) + 60 })
      const reply = await app.inject({
        url: '/realtime/rooms',
        headers: { authorization: `Bearer ${hosts}` },
      })
      t.match(reply.json(), { statusCode: 401 }, 'their tokens open nothing here')
    },
  )
}

t.test(
  'an application with @fastify/websocket of its own keeps it, and its own sockets',
  async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(websocket)
    app.get('/theirs', { websocket: true }, (socket) => {
      socket.on('message', (data) => socket.send(`theirs: ${data}`))
    })
    await app.register(parley, { prefix: '/realtime', ...settings })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const ours = await chat(t, app, '/realtime/chat')
    t.match(await ours.ask('join', { room: 'r' }), { event: 'ok' })
    const token = signToken({ sub: 'ann' })
    const offered = [`bearer.${token}`, 'parley.v1']
    const url = `ws://127.0.0.1:${port}/realtime/chat`
    const browser = new ChatClient(url, { subprotocols: offered })
    t.teardown(() => browser.terminate())
    await browser.opened
    t.equal(browser.socket.protocol, 'parley.v1', 'a token is never echoed')

    const theirs = new ChatClient(`ws://127.0.0.1:${port}/theirs`)
    t.teardown(() => theirs.terminate())
    await theirs.opened
    theirs.socket.removeAllListeners('message')
    const back = new Promise((resolve) => {
      theirs.socket.on('message', (data) => resolve(String(data)))
    })
    theirs.send('hi')
    t.equal(await back, 'theirs: hi')
  },
)

t.test('a setting that does not fit stops the start and is named as it was given', async (t) => {
  const app = Fastify()
  const wrong = { ...settings, maxMessageBytes: 0 }
  await t.rejects(async () => app.register(parley, wrong), {
    name: 'ConfigError',
    message: /^maxMessageBytes must be an integer from 1/,
  })
  t.ok(new ConfigError('x') instanceof Error)
})

t.test('closing the application sends everyone away and ends', async (t) => {
  const app = await foreignApp(t)
  const client = await chat(t, app, '/realtime/chat')
  await client.event('welcome')
  await app.close()
  t.match(await client.closed, { code: Number })
  t.same(app.connections.sizes(), { connections: 0, users: 0, addresses: 0 })
})
