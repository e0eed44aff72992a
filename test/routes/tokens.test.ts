import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { signToken } from '../helpers/jwt.js'
import { startServer } from '../helpers/server.js'
import { startService } from '../helpers/service.js'

const admin = { sub: 'root', scope: 'admin' }
const iat = Math.floor(Date.now() / 1000) - 10

t.test('an open connection is closed with 4001 when its token expires', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann', { claims: { exp: Math.floor(Date.now() / 1000) + 2 } })
  t.match(await ann.event('closing'), { code: 4001, reason: 'Token expired', reconnect_after: 0 })
  t.same(await ann.closed, { code: 4001, reason: 'Token expired' })
})

t.test('auth replaces the token in place, for the same user only', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  const exp = Math.floor(Date.now() / 1000) + 500
  const renewed = await ann.ask('auth', { token: signToken({ sub: 'ann', exp }) })
  t.match(renewed, { event: 'ok', expires: exp * 1000 })
  const other = await ann.ask('auth', { token: signToken({ sub: 'ben' }) })
  t.match(other, { event: 'error', code: 'UNAUTHORIZED', message: /another user/ })
  const expired = await ann.ask('auth', { token: signToken({ sub: 'ann' }, -1) })
  t.match(expired, { code: 'UNAUTHORIZED', message: 'the token has expired' })
  t.match(await ann.ask('join', { room: 'r' }), { event: 'ok' }, 'the old token still counts')
})

t.test('a renewed token that grants less takes the connection out of rooms', async (t) => {
  const service = await startService(t)
  const [ann, ben] = [await service.connect('ann'), await service.connect('ben')]
  for (const client of [ann, ben]) await client.ask('join', { room: 'secret' })
  await ann.ask('join', { room: 'open' })
  await ann.ask('auth', { token: signToken({ sub: 'ann', rooms: ['open'] }) })
  t.match(await ann.event('left'), { room: 'secret', user: 'ann', members: 1 })
  t.match(await ben.event('left'), { room: 'secret', user: 'ann', members: 1 })
  await ben.ask('send_to_room', { room: 'secret', msg: 1 })
  t.match(await ann.ask('send_to_room', { room: 'secret', msg: 2 }), { code: 'NOT_A_MEMBER' })
  t.match(await ann.ask('send_to_room', { room: 'open', msg: 3 }), { event: 'ok' })
  t.same(ann.messages('secret'), [])
})

t.test('a ticket opens one handshake, with what its token grants', async (t) => {
  const service = await startService(t)
  const claims = { sub: 'ann', name: 'Ann', rooms: { join: ['a', 'b*'], send: ['a'] } }
  const reply = await service.request('POST', '/tickets', { claims })
  t.match(reply, { statusCode: 201, headers: { 'cache-control': 'no-store' } })
  const { ticket, expires } = reply.json()
  t.ok(expires > Date.now() && expires <= Date.now() + 30_000)

  const url = `${service.url.replace('http', 'ws')}/chat?ticket=${ticket}`
  const attempts = Array.from({ length: 5 }, () => new ChatClient(url))
  const outcomes = await Promise.allSettled(attempts.map(({ opened }) => opened))
  t.teardown(() => attempts.map((client) => client.terminate()))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  const ann = attempts[outcomes.findIndex(({ status }) => status === 'fulfilled')] as ChatClient
  t.match(await ann.event('welcome'), { user: 'ann', nick: 'Ann' })
  t.match(await ann.ask('join', { room: 'b1' }), { event: 'ok' })
  t.match(await ann.ask('join', { room: 'c' }), { code: 'FORBIDDEN' })
  t.match(await ann.ask('send_to_room', { room: 'b1', msg: 1 }), { code: 'FORBIDDEN' })
})

t.test('a ticket is of no use for REST, and an unknown one opens nothing', async (t) => {
  const service = await startService(t)
  const { ticket } = (await service.request('POST', '/tickets', { claims: { sub: 'ann' } })).json()
  t.equal((await service.request('GET', `/rooms?ticket=${ticket}`)).statusCode, 401)
  const client = new ChatClient(`${service.url.replace('http', 'ws')}/chat?ticket=made-up`)
  await t.rejects(client.opened, /401/)
})

t.test('a revoked token closes its connections and no others', async (t) => {
  const service = await startService(t)
  const stolen = await service.connect('ann', { claims: { jti: 'stolen' } })
  const fine = await service.connect('ann', { claims: { jti: 'fine' } })
  const reply = await service.request('POST', '/revocations', {
    claims: admin,
    payload: { jti: 'stolen' },
  })
  t.equal(reply.statusCode, 201)
  t.same(await stolen.closed, { code: 4501, reason: 'Token revoked' })
  await fine.settled()
  const refused = await service.request('GET', '/rooms', { claims: { sub: 'ann', jti: 'stolen' } })
  t.match(refused.json(), { statusCode: 401, message: 'the token was revoked' })
  await t.rejects(service.connect('ann', { claims: { jti: 'stolen' } }), /401/)
})

t.test('a user who was logged out everywhere needs a token issued after that', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann', { claims: { iat } })
  const ben = await service.connect('ben', { claims: { iat } })
  const { statusCode } = await service.request('DELETE', '/users/ann/connections', {
    claims: admin,
  })
  t.equal(statusCode, 204)
  t.match(await ann.closed, { code: 4501 })
  await ben.settled()
  await t.rejects(service.connect('ann', { claims: { iat } }), /401/)
  t.ok(await service.connect('ann', { claims: { iat: iat + 100 } }))
})

t.test('revocations survive the death of the process', async (t) => {
  const secret = 'another key that is long enough for it'
  const server = await startServer(t, {
    JWT_SECRET: secret,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
  })
  const call = (method: string, path: string, claims: object, body?: object) =>
    fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${signToken(claims, 60, secret)}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
  const status = async (claims: object) => (await call('GET', '/rooms', claims)).status
  t.equal((await call('POST', '/revocations', admin, { jti: 'stolen' })).status, 201)
  t.equal((await call('DELETE', '/users/ben/connections', admin)).status, 204)
  await server.kill()
  await server.restart()
  t.equal(await status({ sub: 'ann', jti: 'stolen' }), 401)
  t.equal(await status({ sub: 'ben', iat }), 401)
  t.equal(await status({ sub: 'ann', jti: 'fine' }), 200)
})

t.test('tokens are verified with the keys that the issuer publishes', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }]
  let answers = true
  const issuer = createServer((_request, response) => {
    response.writeHead(answers ? 200 : 500).end(JSON.stringify({ keys }))
  })
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
  t.teardown(() => issuer.close())
  const jwtJwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`
  const token = (header: object) => {
    const exp = Math.floor(Date.now() / 1000) + 60
    const signed = [
      { alg: 'EdDSA', ...header },
      { sub: 'ann', exp },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
  }
  const ask = async (settings: { jwtJwksUrl: string }, bearer: string) => {
    const service = await startService(t, { jwtSecret: [], ...settings })
    const authorization = `Bearer ${bearer}`
    return (await service.request('GET', '/rooms', { headers: { authorization } })).json()
  }
  t.match(await ask({ jwtJwksUrl }, token({ kid: 'k1' })), { rooms: [] })
  t.match(await ask({ jwtJwksUrl }, token({ kid: 'k2' })), {
    statusCode: 401,
    message: /unknown key/,
  })
  t.match(await ask({ jwtJwksUrl }, token({})), { statusCode: 401, message: /names no key/ })
  const confused = signToken(
    { sub: 'ann' },
    60,
    publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  )
  t.match(await ask({ jwtJwksUrl }, confused), { statusCode: 401 })
  t.match(await ask({ jwtJwksUrl }, 'no.token.at-all'), { statusCode: 401, message: /malformed/ })
  answers = false
  t.match(await ask({ jwtJwksUrl }, token({ kid: 'k1' })), {
    statusCode: 503,
    code: 'KEYS_UNAVAILABLE',
  })
})
