import fc from 'fast-check'
import t from 'tap'
import { covers, mayJoin, maySend, toGrants } from '../../../src/auth/grants.js'
import { identityOf } from '../../../src/auth/identity.js'
import { createOriginPolicy } from '../../../src/auth/origin.js'
import { findToken } from '../../../src/auth/token-source.js'

const plain = { host: 'chat.example', secure: false }

t.test(
  'the own origin passes with and without a default port, and never another port',
  async (t) => {
    const policy = createOriginPolicy({ allowed: [], allowNone: true })
    t.ok(policy({ ...plain, origin: 'http://chat.example' }))
    t.ok(policy({ ...plain, origin: 'https://chat.example' }), 'TLS may end in front')
    t.ok(policy({ ...plain, host: 'chat.example:80', origin: 'http://chat.example' }))
    t.notOk(policy({ ...plain, host: 'chat.example:3000', origin: 'http://chat.example' }))
    t.notOk(
      policy({ ...plain, secure: true, origin: 'http://chat.example' }),
      'http page, TLS here',
    )
    t.ok(policy({ ...plain, secure: true, origin: 'https://CHAT.example' }))
    t.notOk(policy({ ...plain, host: undefined, origin: 'http://chat.example' }))
    t.notOk(policy({ ...plain, host: 'chat.example/@x', origin: 'http://chat.example' }))
    t.notOk(policy({ ...plain, origin: 'ftp://chat.example' }))
  },
)

t.test('an entry that is no origin is refused at the start', async (t) => {
  for (const entry of ['example.com', 'https://', 'https://a.example/', '*.example.com', 'null']) {
    t.throws(() => createOriginPolicy({ allowed: [entry], allowNone: true }), TypeError, entry)
  }
})

t.test('all origins may be allowed, but never null or a malformed one', async (t) => {
  const policy = createOriginPolicy({ allowed: ['*'], allowNone: false })
  t.ok(policy({ ...plain, origin: 'https://anything.example:8443' }))
  t.ok(policy({ ...plain, origin: 'capacitor://localhost' }))
  for (const origin of ['null', '', 'https://a.example/x', 'https://a.example https://b.example']) {
    t.notOk(policy({ ...plain, origin }), origin)
  }
  t.notOk(policy({ ...plain, origin: undefined }))
})

t.test('whatever an origin looks like, only listed hosts pass', async (t) => {
  const policy = createOriginPolicy({
    allowed: ['https://app.example', 'https://*.sub.example'],
    allowNone: false,
  })
  const hostile = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.string().map((s) => `https://app.example${s}`),
    fc.string().map((s) => `https://${s}.sub.example`),
  )
  fc.assert(
    fc.property(hostile, (origin) => {
      if (!policy({ ...plain, origin })) return
      const { protocol, host } = new URL(origin)
      t.equal(protocol, 'https:')
      if (host !== 'app.example') t.match(host, /^[a-z0-9_.-]+\.sub\.example$/)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

const carrier = { authorization: undefined, subprotocols: undefined, cookie: undefined, query: '' }

t.test('the first place with a token wins', async (t) => {
  const all = {
    authorization: 'bearer  one',
    subprotocols: 'parley.v1, bearer.two',
    cookie: 'x=y; c="three"',
    query: 'room=1',
  }
  t.equal(findToken(all, 'c'), 'one')
  t.equal(findToken({ ...all, authorization: 'Basic abc' }, 'c'), 'two')
  const cookieOnly = { ...all, authorization: undefined, subprotocols: 'parley.v1' }
  t.equal(findToken(cookieOnly, 'c'), 'three')
  t.equal(findToken(cookieOnly, undefined), undefined)
  t.equal(findToken(cookieOnly, 'other'), undefined)
  t.equal(findToken(carrier, 'c'), undefined)
})

t.test('grants: names, prefixes, join and send apart, scopes', async (t) => {
  const grants = toGrants(['8888', 'team-*'])
  for (const room of ['8888', 'team-', 'team-1']) t.ok(covers(grants.join, room), room)
  for (const room of ['888', '88888', 'team', 'Team-1']) t.notOk(covers(grants.join, room), room)
  t.ok(covers(toGrants(['*']).send, 'anything'))
  t.notOk(covers(toGrants([]).join, 'anything'))
  const bearer = { grants: toGrants({ join: ['a'], send: ['b'] }), scopes: new Set<string>() }
  t.ok(
    mayJoin(bearer, 'a') && !mayJoin(bearer, 'b') && maySend(bearer, 'b') && !maySend(bearer, 'a'),
  )
  t.notOk(maySend({ ...bearer, grants: toGrants({ join: ['a'] }) }, 'a'), 'no send list: nothing')
  t.ok(maySend({ ...bearer, scopes: new Set(['publish']) }, 'any'))
})

t.test('times of a token may be fractions; what clients are told is whole', async (t) => {
  const { expires, user, nick } = identityOf({ sub: 'ann', exp: 1_790_000_000.7509 })
  t.equal(expires, 1_790_000_000_750)
  t.same([user, nick], ['ann', 'ann'])
})
