import { createHmac } from 'node:crypto'
import t from 'tap'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'

type Method = 'GET' | 'POST' | 'DELETE'

interface OpenApi {
  readonly paths: Record<string, Record<string, { security?: object[] }>>
}

const AUDIENCE = 'parley'

/**
 * What a token without a scope may do. Everything else that asks for a token asks for a scope too:
 * a new route is refused here until its author has said which of the two it is.
 */
const WITHOUT_SCOPE = new Set([
  'GET /chat/events',
  'POST /chat/actions',
  'GET /rooms',
  'GET /rooms/{room}',
  'GET /rooms/{room}/members',
  'GET /rooms/{room}/messages',
  // As oneself, like a member; as somebody else only with `publish`.
  'POST /rooms/{room}/messages',
  'POST /tickets',
])

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function unsigned(claims: object): string {
  const exp = Math.floor(Date.now() / 1000) + 60
  return `${encode({ alg: 'none' })}.${encode({ exp, ...claims })}.`
}

/** Signed with our secret, but as if it were another algorithm's. */
function withAlgorithm(alg: string, claims: object): string {
  const exp = Math.floor(Date.now() / 1000) + 60
  const signed = `${encode({ alg })}.${encode({ exp, ...claims })}`
  return `${signed}.${createHmac('sha512', JWT_SECRET).update(signed).digest('base64url')}`
}

t.test('no route does anything for who may not ask for it', async (t) => {
  const service = await startService(t, { jwtAudience: AUDIENCE })
  const document = (await service.request('GET', '/openapi.json')).json() as OpenApi
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security?.length !== 0)
      .map(([method]) => [method.toUpperCase() as Method, path] as const),
  )
  t.ok(routes.length > 15, `${routes.length} routes ask for a token`)
  const root = { sub: 'root', scope: 'admin publish', aud: AUDIENCE }
  const bad: Record<string, string> = {
    'no token': '',
    forged: signToken(root, 60, 'another key of no less than 32 bytes'),
    expired: signToken(root, -10),
    'alg none': unsigned(root),
    'alg HS512': withAlgorithm('HS512', root),
    'wrong audience': signToken({ ...root, aud: 'others' }),
    oversized: signToken({ ...root, filler: 'x'.repeat(9000) }),
  }
  for (const [method, path] of routes) {
    const route = `${method} ${path}`
    const url = path.replace(/\{\w+\}/g, 'x')
    const ask = async (token: string) => {
      const authorization = token === '' ? undefined : { authorization: `Bearer ${token}` }
      const payload = method === 'POST' ? { msg: 1 } : undefined
      const reply = await service.request(method, url, { payload, headers: { ...authorization } })
      return { status: reply.statusCode, code: reply.json().code }
    }
    for (const [name, token] of Object.entries(bad)) {
      t.same(await ask(token), { status: 401, code: 'UNAUTHORIZED' }, `${route} with ${name}`)
    }
    if (WITHOUT_SCOPE.has(route)) continue
    const plain = signToken({ sub: 'ann', scope: 'administrator', aud: AUDIENCE })
    t.same(await ask(plain), { status: 403, code: 'FORBIDDEN' }, `${route} without a scope`)
  }
  t.equal((await service.request('GET', '/health/ready')).statusCode, 200, 'nothing was drained')
})
