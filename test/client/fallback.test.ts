import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { ClientOptions, SocketConstructor } from '../../client/index.js'
import { EventStreamSocket } from '../../client/sse.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { startServer } from '../helpers/server.js'
import { Driver, judge } from './support/driver.js'
import { HttpProxy } from './support/http-proxy.js'

t.setTimeout(120_000)

const BURST = 20

/** Time that passes faster for the timers of a client. */
const hurried = (factor: number) => ({
  now: () => Date.now(),
  monotonic: () => performance.now() * factor,
  after(ms: number, task: () => void) {
    const timer = setTimeout(task, ms / factor)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
})

function drive(t: Test, url: string, user: string, options: Partial<ClientOptions> = {}): Driver {
  const driver = new Driver({
    url: `${url}/chat`,
    token: signToken({ sub: user }, 3600),
    WebSocket: WebSocket as unknown as SocketConstructor,
    ...options,
  })
  t.teardown(() => driver.client.close())
  return driver
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** With which transports a user is connected. */
async function transportsOf(url: string, user: string): Promise<string[]> {
  const authorization = `Bearer ${signToken({ sub: 'root', scope: 'admin' })}`
  const response = await fetch(`${url}/connections?user=${user}`, { headers: { authorization } })
  const { connections } = (await response.json()) as { connections: { transport: string }[] }
  return connections.map(({ transport }) => transport)
}

const settings = { JWT_SECRET, RATE_LIMIT_MESSAGES: '0', RATE_LIMIT_REQUESTS: '0' }

t.test('without WebSockets it is the same client, whatever is lost on the way', async (t) => {
  const server = await startServer(t, settings)
  const proxy = await HttpProxy.start(t, server.url)
  const ann = drive(t, proxy.url, 'ann', { WebSocket: EventStreamSocket })
  const ben = drive(t, server.url, 'ben')
  await Promise.all([ann.join(), ben.join()])
  t.same(await transportsOf(server.url, 'ann'), ['sse'])
  let posts = 0
  proxy.lose = ({ method }) => {
    if (method !== 'POST') return undefined
    posts++
    return posts % 9 === 3 ? 'request' : posts % 9 === 6 ? 'answer' : undefined
  }
  await Promise.all([ann.burst('ann', BURST), ben.burst('ben', BURST)])
  t.ok(posts > BURST, `${posts} posts`)
  t.same(ann.errors, [])
  proxy.lose = () => undefined
  proxy.cut()
  await ann.burst('again', BURST)
  await server.kill()
  const late = [ann.burst('late', BURST), ben.burst('later', BURST)]
  await server.restart()
  await Promise.all(late)
  for (const driver of [ann, ben]) {
    await driver.until(5 * BURST)
    t.same(judge(driver.lines, ['ann', 'ben', 'again', 'late', 'later'], BURST), [])
    t.same(driver.resets, [])
  }
  t.same(ann.lines, ben.lines)
})

for (const [upgrades, what] of [
  ['refuse', 'refused'],
  ['swallow', 'never answered'],
] as const) {
  t.test(`where handshakes are ${what} it falls back, and comes back later`, async (t) => {
    const server = await startServer(t, settings)
    const proxy = await HttpProxy.start(t, server.url)
    proxy.upgrades = upgrades
    const ann = drive(t, proxy.url, 'ann', { connectTimeout: 2000, clock: hurried(10) })
    await ann.join()
    t.equal(ann.states.filter((state) => state.startsWith('connecting')).length, 1)
    t.same(await transportsOf(server.url, 'ann'), ['sse'])
    await ann.burst('http', BURST)
    // It looks now and then, and stays while nothing opens.
    await until(() => proxy.count('upgrade') >= 3)
    t.equal(ann.client.state, 'connected')
    proxy.cut()
    await ann.reaches('reconnecting')
    await ann.reaches('connected')
    t.same(await transportsOf(server.url, 'ann'), ['sse'], 'it remembers')
    proxy.upgrades = 'pass'
    const sending = ann.burst('back', BURST)
    while ((await transportsOf(server.url, 'ann')).join() !== 'websocket') {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await sending
    await ann.until(2 * BURST)
    t.same(judge(ann.lines, ['http', 'back'], BURST), [])
    const reasons = ann.states.filter((state) => state.includes('A WebSocket opens'))
    t.equal(reasons.length, 1)
    const gets = proxy.count('GET')
    proxy.cut()
    await ann.reaches('reconnecting')
    await ann.reaches('connected')
    t.equal(proxy.count('GET'), gets, 'a WebSocket again, at once')
    t.same(ann.errors, [])
  })
}

t.test('the next page of a tab goes the way that worked, for a while', async (t) => {
  const stored = new Map<string, string>()
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  }
  Object.defineProperty(globalThis, 'sessionStorage', { value: storage, configurable: true })
  t.teardown(() => delete (globalThis as Record<string, unknown>).sessionStorage)
  const server = await startServer(t, settings)
  const proxy = await HttpProxy.start(t, server.url)
  proxy.upgrades = 'refuse'
  const first = drive(t, proxy.url, 'ann')
  await first.client.connect()
  first.client.close()
  t.equal(proxy.count('upgrade'), 1)
  const second = drive(t, proxy.url, 'ann')
  await second.client.connect()
  second.client.close()
  t.equal(proxy.count('upgrade'), 1, 'no handshake is tried')
  const [key] = stored.keys()
  t.ok(Number(stored.get(String(key))) > Date.now() + 500_000)
  stored.set(String(key), String(Date.now() - 1))
  const third = drive(t, proxy.url, 'ann')
  await third.client.connect()
  t.equal(proxy.count('upgrade'), 2, 'until the time is over')
})

t.test(
  'with fallback: false, and where there is nothing to fall back to, it keeps trying',
  async (t) => {
    const server = await startServer(t, settings)
    const proxy = await HttpProxy.start(t, server.url)
    proxy.upgrades = 'refuse'
    const only = drive(t, proxy.url, 'ann', { fallback: false })
    void only.client.connect()
    await until(() => proxy.count('upgrade') === 3)
    t.equal(proxy.count('GET'), 0)
    only.client.close()
    // A page of somebody's answers with 200 to whatever is asked.
    const portal = createServer((_, response) => response.end('<p>Welcome to our wireless network'))
    portal.listen(0, '127.0.0.1')
    t.teardown(() => portal.close())
    await new Promise((resolve) => portal.once('listening', resolve))
    const captive = drive(t, `http://127.0.0.1:${(portal.address() as AddressInfo).port}`, 'ann')
    void captive.client.connect()
    await until(
      () => captive.states.filter((state) => state === 'reconnecting HTTP 200').length === 2,
    )
    t.not(captive.client.state, 'connected')
  },
)

t.test('close codes come through, and a token is renewed in place', async (t) => {
  const server = await startServer(t, settings)
  const admin = { authorization: `Bearer ${signToken({ sub: 'root', scope: 'admin' })}` }
  let asked = 0
  const ann = drive(t, server.url, 'ann', {
    WebSocket: EventStreamSocket,
    getToken: () => signToken({ sub: 'ann' }, ++asked === 1 ? 4 : 3600),
  })
  await ann.join()
  const connection = ann.client.connectionId
  await until(() => (ann.client.expires ?? 0) > Date.now() + 60_000)
  await until(() => asked === 2)
  await new Promise((resolve) => setTimeout(resolve, 4000))
  await ann.burst('with the new token', 3)
  t.equal(ann.client.connectionId, connection)
  await fetch(`${server.url}/connections/${connection}`, { method: 'DELETE', headers: admin })
  await ann.reaches('failed')
  t.match(ann.states.at(-1), /Disconnected by an administrator/)
})
