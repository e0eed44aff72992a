import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { RemoteKeys } from '../../../src/auth/jwks.js'
import { FakeClock } from '../../helpers/fake-clock.js'

interface Issuer {
  readonly url: string
  requests: number
  /** What it answers. */
  answer: { status: number; body: string }
}

async function startIssuer(t: Test, keys: object[]): Promise<Issuer> {
  const server: Server = createServer((_request, response) => {
    issuer.requests++
    response.writeHead(issuer.answer.status).end(issuer.answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
  const issuer = { url, requests: 0, answer: { status: 200, body: JSON.stringify({ keys }) } }
  return issuer
}

const jwk = (kid: string, publicKey: KeyObject, more: object = {}) => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  ...more,
})
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const ed25519 = generateKeyPairSync('ed25519').publicKey

function open(issuer: Issuer, algorithms: string[] = []) {
  const clock = new FakeClock()
  const errors: string[] = []
  const onError = (error: unknown) => void errors.push(String(error))
  return { clock, errors, keys: new RemoteKeys({ url: issuer.url, clock, algorithms, onError }) }
}

t.test('keys are fetched once, however many tokens come at the same moment', async (t) => {
  const issuer = await startIssuer(t, [jwk('a', rsa), jwk('b', ed25519)])
  const { keys, clock } = open(issuer)
  const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('a')))
  t.match(found[0], { signs: false, algorithms: ['RS256', 'RS384'] })
  t.match(await keys.find('b'), { algorithms: ['EdDSA'] })
  clock.advance(599_000)
  await keys.find('a')
  t.equal(issuer.requests, 1)
})

t.test('a new key is found by fetching again; unknown ids fetch once in ten seconds', async (t) => {
  const issuer = await startIssuer(t, [jwk('a', rsa)])
  const { keys, clock } = open(issuer)
  await keys.find('a')
  issuer.answer.body = JSON.stringify({ keys: [jwk('b', rsa)] })
  for (let n = 0; n < 100; n++) t.equal(await keys.find(`made-up-${n}`), undefined)
  t.equal(issuer.requests, 1)
  clock.advance(10_000)
  t.ok(await keys.find('b'))
  t.equal(await keys.find('a'), undefined, 'a key that was withdrawn counts no longer')
  t.equal(issuer.requests, 2)
})

t.test('known keys are used for an hour while the issuer is away, then none', async (t) => {
  const issuer = await startIssuer(t, [jwk('a', rsa)])
  const { keys, clock, errors } = open(issuer)
  await keys.find('a')
  issuer.answer = { status: 500, body: '' }
  clock.advance(3_599_000)
  t.ok(await keys.find('a'))
  clock.advance(10_000)
  await t.rejects(keys.find('a'), { code: 'KEYS_UNAVAILABLE', statusCode: 503, retryAfter: 10_000 })
  t.match(errors, [/answers 500/])
  issuer.answer = { status: 200, body: JSON.stringify({ keys: [jwk('a', rsa)] }) }
  clock.advance(10_000)
  t.ok(await keys.find('a'))
})

t.test('what no token may be verified with is left out', async (t) => {
  const secret = Buffer.from('a secret').toString('base64url')
  const issuer = await startIssuer(t, [
    { kty: 'oct', kid: 'symmetric', k: secret },
    jwk('encryption', rsa, { use: 'enc' }),
    jwk('other', rsa, { alg: 'RSA-OAEP' }),
    { kty: 'RSA', kid: 'broken', n: 'x' },
    rsa.export({ format: 'jwk' }),
    jwk('pinned', rsa, { alg: 'RS512' }),
    jwk('elliptic', ed25519),
  ])
  const { keys } = open(issuer, ['RS256', 'RS512'])
  for (const kid of ['symmetric', 'encryption', 'other', 'broken', 'elliptic']) {
    t.equal(await keys.find(kid), undefined, kid)
  }
  t.same((await keys.find('pinned'))?.algorithms, ['RS512'])
})

t.test('an answer that is no key set, or too long, is not used', async (t) => {
  const issuer = await startIssuer(t, [])
  const { keys, clock, errors } = open(issuer)
  for (const body of ['<html>', '{"keys":{}}', `{"keys":[],"x":"${'x'.repeat(1_048_576)}"}`]) {
    issuer.answer.body = body
    await t.rejects(keys.find('a'), { code: 'KEYS_UNAVAILABLE' })
    clock.advance(10_000)
  }
  t.equal(errors.length, 3)
})
