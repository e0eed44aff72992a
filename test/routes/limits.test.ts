import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { signToken } from '../helpers/jwt.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { startService } from '../helpers/service.js'

const refusal = { statusCode: 429, code: 'RATE_LIMITED', message: /RATE_LIMIT_REQUESTS/ }

t.test('requests are counted by user, whatever the address', async (t) => {
  const service = await startService(t, { rateLimitRequests: 3 })
  const ask = (sub: string) => service.request('GET', '/rooms', { claims: { sub } })
  for (let n = 0; n < 3; n++) t.equal((await ask('ann')).statusCode, 200)
  const refused = await ask('ann')
  t.match(refused.json(), refusal)
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds > 0 && seconds <= 60, `Retry-After: ${seconds}`)
  t.equal((await ask('ben')).statusCode, 200)
})

t.test('without a valid token the address is counted, before the token is refused', async (t) => {
  const service = await startService(t, { rateLimitRequests: 3 })
  const ask = () =>
    service.request('GET', '/rooms', { headers: { authorization: 'Bearer made.up.token' } })
  for (let n = 0; n < 3; n++) t.equal((await ask()).statusCode, 401)
  t.match((await ask()).json(), refusal)
  t.equal((await service.request('GET', '/rooms', { claims: { sub: 'ann' } })).statusCode, 200)
  t.equal((await service.request('GET', '/health/live')).statusCode, 200, 'probes are not counted')
})

t.test('behind a trusted proxy the client’s address counts, otherwise the peer’s', async (t) => {
  const ask = async (trustProxy: string, client: string) => {
    const service = services.get(trustProxy) ?? (await open(trustProxy))
    return (await service.request('GET', '/rooms', { headers: { 'x-forwarded-for': client } }))
      .statusCode
  }
  const services = new Map<string, Awaited<ReturnType<typeof startService>>>()
  const open = async (trustProxy: string) => {
    const service = await startService(t, { rateLimitRequests: 1, trustProxy })
    services.set(trustProxy, service)
    return service
  }
  t.same([await ask('127.0.0.1', '10.0.0.1'), await ask('127.0.0.1', '10.0.0.2')], [401, 401])
  t.equal(await ask('127.0.0.1', '10.0.0.1'), 429)
  t.same([await ask('false', '10.0.0.1'), await ask('false', '10.0.0.2')], [401, 429])
  t.same(
    [await ask('true', '2001:db8::1'), await ask('true', '2001:db8::2')],
    [401, 429],
    'one IPv6 network is one address',
  )
})

t.test(
  'over Redis, nodes count together; without it each for itself',
  { skip: noRedis },
  async (t) => {
    const redis = await RedisServer.start()
    t.teardown(() => redis.stop())
    const settings = { redisUrl: [redis.url], rateLimitRequests: 5, trustProxy: '127.0.0.1' }
    const nodes = [await startService(t, settings), await startService(t, settings)]
    const ask = async (n: number, headers: Record<string, string>) =>
      (await nodes[n % 2]?.request('GET', '/rooms', { headers }))?.statusCode
    const authorization = `Bearer ${signToken({ sub: 'ann' })}`
    const times = [0, 1, 2, 3, 4, 5, 6]
    const statuses = async (headers: Record<string, string>) => {
      const found = []
      for (const n of times) found.push(await ask(n, headers))
      return found
    }
    t.same(await statuses({ authorization }), [200, 200, 200, 200, 200, 429, 429])
    const forged = { authorization: 'Bearer made.up.token', 'x-forwarded-for': '10.0.0.1' }
    t.same(await statuses(forged), [401, 401, 401, 401, 401, 429, 429])
    const another = { ...forged, 'x-forwarded-for': '10.0.0.2' }
    t.equal(await ask(0, another), 401, 'another address behind the proxy')
    const url = `${nodes[1]?.url.replace('http', 'ws')}/chat`
    await t.rejects(new ChatClient(url, { token: signToken({ sub: 'ann' }) }).opened, /429/)

    await redis.kill()
    const away = await Promise.all(times.map(() => ask(0, { authorization })))
    t.ok(away.filter((status) => status === 429).length >= 2, `${away}`)
    t.notOk(away.includes(500), 'never an error of the limit itself')
    await redis.restart()
  },
)

t.test('handshakes are counted too', async (t) => {
  const service = await startService(t, { rateLimitRequests: 2 })
  for (let n = 0; n < 2; n++) await service.connect('ann')
  const url = `${service.url.replace('http', 'ws')}/chat`
  const refused = new ChatClient(url, { token: signToken({ sub: 'ann' }) })
  await t.rejects(refused.opened, /429/)
  await service.connect('ben')
})

t.test('an action counts as much as it costs', async (t) => {
  const service = await startService(t, { rateLimitMessages: 1, rateLimitBurst: 12 })
  const ann = await service.connect('ann')
  t.match(await ann.ask('join', { room: 'r' }), { event: 'ok' })
  t.match(await ann.ask('history', { room: 'r', limit: 1 }), { event: 'ok' })
  t.match(await ann.ask('history', { room: 'r', limit: 1 }), { event: 'ok' })
  const refused = await ann.ask('members', { room: 'r' })
  t.match(refused, { event: 'error', code: 'RATE_LIMITED', retry_after: Number })
})

t.test('metrics count what happens, with names and labels that stay few', async (t) => {
  const service = await startService(t, { rateLimitRequests: 4 })
  const ann = await service.connect('ann')
  const ben = await service.connect('ben')
  for (const client of [ann, ben]) await client.ask('join', { room: 'r' })
  await ann.ask('send_to_room', { room: 'r', msg: 'hello' })
  await ben.event('message')
  await ann.ask('send_to_room', { room: 'other', msg: 'hello' })
  await ben.close()
  while (service.app.connections.size > 1) await new Promise((resolve) => setImmediate(resolve))
  for (let n = 0; n < 5; n++) await service.request('GET', '/rooms')
  const reply = await service.request('GET', '/metrics')
  t.match(reply.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const lines = reply.body.split('\n')
  for (const line of [
    'parley_connections{endpoint="chat"} 1',
    'parley_connections_opened_total 2',
    'parley_connections_closed_total{code="1000"} 1',
    'parley_rooms 1',
    'parley_messages_received_total 4',
    'parley_append_duration_seconds_count 1',
    'parley_append_duration_seconds_bucket{le="+Inf"} 1',
    'parley_delivery_duration_seconds_count 1',
    'parley_refusals_total{place="action",code="NOT_A_MEMBER"} 1',
    'parley_refusals_total{place="request",code="UNAUTHORIZED"} 4',
    'parley_refusals_total{place="request",code="RATE_LIMITED"} 1',
    'parley_broker_up 1',
    'parley_draining 0',
  ]) {
    t.ok(lines.includes(line), line)
  }
  for (const name of ['nodejs_eventloop_lag_p99_seconds', 'parley_sent_bytes_total']) {
    t.ok(
      lines.some((line) => Number(line.split(' ')[1]) > 0 && line.startsWith(name)),
      name,
    )
  }
  const names = new Set(lines.filter((l) => l && !l.startsWith('#')).map((l) => l.split(' ')[0]))
  t.equal(names.size, lines.filter((l) => l && !l.startsWith('#')).length, 'no series twice')
})

t.test('the dashboard asks for no metric that there is not', async (t) => {
  const service = await startService(t)
  const { body } = await service.request('GET', '/metrics')
  const dashboard = readFileSync(new URL('../../../deploy/grafana.json', import.meta.url), 'utf8')
  const asked = new Set(dashboard.match(/\b(parley|nodejs|process)_[a-z0-9_]+/g))
  t.ok(asked.size > 15)
  for (const name of asked)
    t.match(body, new RegExp(`^# TYPE ${name.replace(/_bucket$/, '')} `, 'm'), name)
})

t.test('with METRICS_TOKEN only who knows it reads metrics', async (t) => {
  const metricsToken = 'a-token-for-prometheus'
  const service = await startService(t, { metricsToken })
  const ask = (authorization?: string) =>
    service.request('GET', '/metrics', { ...(authorization && { headers: { authorization } }) })
  t.equal((await ask()).statusCode, 401)
  t.equal((await ask(`Bearer ${metricsToken}x`)).statusCode, 401)
  t.equal((await ask(`Bearer ${signToken({ sub: 'a', scope: 'admin' })}`)).statusCode, 401)
  t.equal((await ask(`Bearer ${metricsToken}`)).statusCode, 200)
})

t.test('counters for administrators', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r' })
  await ann.ask('send_to_room', { room: 'r', msg: 1 })
  t.equal((await service.request('GET', '/stats', { claims: { sub: 'ann' } })).statusCode, 403)
  const claims = { sub: 'root', scope: 'admin' }
  const stats = (await service.request('GET', '/stats', { claims })).json()
  t.match(stats, { connections: 1, users: 1, rooms: 1, received: 2, draining: false, refused: 1 })
  t.equal(stats.append.length, stats.bounds.length + 1)
})

t.test('no token or ticket is in a log line, an error or a metric', async (t) => {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const service = await startService(t, {}, { logger: { level: 'trace', stream } })
  const secrets: string[] = []
  const url = `${service.url.replace('http', 'ws')}/chat`
  const connect = async (query: string, options: object = {}) => {
    const client = new ChatClient(url + query, options)
    await client.opened.catch(() => {})
    client.terminate()
  }
  for (const token of [
    signToken({ sub: 'ann' }),
    signToken({ sub: 'ann' }, -1),
    signToken({ sub: 'ann' }, 60, 'a wrong key of at least thirty-two bytes'),
  ]) {
    secrets.push(token, token.split('.')[2] as string)
    await connect('', { token })
    await connect(`?token=${token}`)
    await connect('', { subprotocols: ['parley.v1', `bearer.${token}`] })
    const headers = { authorization: `Bearer ${token}` }
    written.push((await service.request('GET', '/rooms', { headers })).body)
    written.push((await service.request('GET', `/rooms?access_token=${token}`)).body)
    written.push((await service.request('POST', '/revocations', { headers, payload: {} })).body)
  }
  const { ticket } = (await service.request('POST', '/tickets', { claims: { sub: 'ann' } })).json()
  secrets.push(ticket)
  for (let n = 0; n < 2; n++) await connect(`?ticket=${ticket}`)
  written.push((await service.request('GET', '/metrics')).body)
  const all = written.join('\n')
  t.match(all, /connection opened/)
  t.match(all, /UNAUTHORIZED/)
  for (const secret of secrets) t.notOk(all.includes(secret))
})
