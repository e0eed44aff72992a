import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/app.js'
import { resolveConfig } from '../../src/config.js'
import { claimsOf, JWT_SECRET, signToken } from '../helpers/jwt.js'

async function start(t: Test): Promise<FastifyInstance> {
  const settings = { jwtSecret: [JWT_SECRET], dataDir: ':memory:' }
  const app = await buildApp(resolveConfig({ ...settings, logLevel: 'silent' }))
  t.teardown(() => app.close())
  return app
}

const ask = (app: FastifyInstance, token?: string) =>
  app.inject({
    method: 'POST',
    url: '/guests',
    payload: { nick: 'Ann' },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

const guest = { sub: 'guest-1', scope: 'guest' }

t.test('every guest without a token is someone else', async (t) => {
  const app = await start(t)
  const [first, second] = [await ask(app), await ask(app)]
  t.match(first, { statusCode: 201 })
  t.match(claimsOf(first.json().token), { sub: first.json().user, name: 'Ann', scope: 'guest' })
  t.not(first.json().user, second.json().user)
})

t.test('a guest who shows the token of before stays the same user', async (t) => {
  const app = await start(t)
  const first = (await ask(app)).json()
  const second = (await ask(app, first.token)).json()
  t.equal(second.user, first.user)
  t.equal(claimsOf(second.token).sub, first.user)
})

t.test('a token that expired an hour ago still tells who the guest was', async (t) => {
  const app = await start(t)
  t.match((await ask(app, signToken(guest, -3600))).json(), { user: 'guest-1' })
})

t.test('a token that expired two days ago is refused', async (t) => {
  const app = await start(t)
  const reply = await ask(app, signToken(guest, -2 * 86_400))
  t.match(reply.json(), { statusCode: 401, code: 'UNAUTHORIZED' })
})

t.test('a token of another key is refused', async (t) => {
  const app = await start(t)
  const reply = await ask(app, signToken(guest, 60, 'another key of no less than 32 bytes'))
  t.match(reply.json(), { statusCode: 401, code: 'UNAUTHORIZED' })
})

t.test('a token that was not given to a guest is not renewed', async (t) => {
  const app = await start(t)
  const reply = await ask(app, signToken({ sub: 'guest-1', scope: 'admin' }))
  t.match(reply.json(), { statusCode: 403, code: 'FORBIDDEN' })
})
