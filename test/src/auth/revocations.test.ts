import t from 'tap'
import { identityOf } from '../../../src/auth/identity.js'
import { RevocationList, revocationKey } from '../../../src/auth/revocations.js'

const identity = (claims: object) => identityOf({ sub: 'ann', exp: 9_000_000_000, ...claims })

t.test('a token is revoked by its id, until the revocation ends', async (t) => {
  const list = new RevocationList()
  list.add({ tokenId: 'x', expires: 5000 })
  t.equal(list.covers(identity({ jti: 'x' })), true)
  t.equal(list.covers(identity({ jti: 'y' })), false)
  t.equal(list.covers(identity({})), false)
  list.sweep(4999)
  t.equal(list.covers(identity({ jti: 'x' })), true)
  list.sweep(5000)
  t.equal(list.covers(identity({ jti: 'x' })), false)
})

t.test('a user’s tokens are revoked up to a moment, and those that name none', async (t) => {
  const list = new RevocationList()
  list.add({ user: 'ann', issuedUntil: 10_500, expires: 99_000 })
  t.equal(list.covers(identity({ iat: 10 })), true, 'issued in the same second')
  t.equal(list.covers(identity({ iat: 11 })), false)
  t.equal(list.covers(identity({})), true)
  t.equal(list.covers(identity({ sub: 'bob' })), false)
  list.add({ user: 'ann', issuedUntil: 9000, expires: 99_000 })
  t.equal(list.covers(identity({ iat: 10 })), true, 'an older revocation takes nothing back')
  list.sweep(99_000)
  t.equal(list.covers(identity({})), false)
})

t.test('a token and a user of the same name have different keys', async (t) => {
  const expires = 1
  t.not(
    revocationKey({ tokenId: 'x', expires }),
    revocationKey({ user: 'x', issuedUntil: 1, expires }),
  )
})
