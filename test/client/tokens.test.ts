import t from 'tap'
import { connected, setup } from './support/setup.js'

t.test(
  'a token is kept over reconnects, and suspected after a failure and now and then',
  async (t) => {
    const { clock, server, reasons } = await connected()
    server.kill()
    await clock.advance(2000)
    t.equal(server.sockets.length, 2)
    t.same(reasons, ['first'], 'nothing was wrong with it')
    server.door = 'refused'
    server.kill()
    await clock.advance(300_000)
    const tries = server.sockets.length - 2
    t.ok(tries > 12, `${tries} tries`)
    t.equal(reasons.filter((reason) => reason === 'refused').length, Math.ceil((tries - 1) / 4))
    server.door = 'open'
    await clock.advance(30_000)
    t.equal(server.last.token, `token${reasons.length}`, 'the newest one is used')
  },
)

t.test('a first handshake that fails is tried again with a new token', async (t) => {
  const { client, clock, server, reasons } = setup()
  server.expiryOf = (token) => (token === 'token1' ? 0 : clock.now() + 3_600_000)
  void client.connect()
  await clock.advance(2000)
  t.equal(client.state, 'connected')
  t.same(reasons, ['first', 'refused'])
})

t.test('a token that has expired meanwhile is not used again', async (t) => {
  const { clock, server, reasons } = await connected()
  server.expiryOf = () => clock.now() + 3_600_000
  server.door = 'refused'
  await clock.advance(3_400_000)
  server.kill()
  clock.suspend(400_000)
  server.door = 'open'
  await clock.advance(2000)
  t.same(reasons, ['first', 'expiring'])
  t.equal(server.last.token, 'token2')
})

t.test('a token is renewed in place before it expires', async (t) => {
  const { client, clock, server, reasons, states } = await connected()
  const expires = client.expires ?? 0
  server.expiryOf = (token) => expires + Number(token.slice(5)) * 3_600_000 - 3_600_000
  await clock.advance(expires - clock.now() - 61_000)
  t.same(reasons, ['first'])
  await clock.advance(3000)
  t.same(reasons, ['first', 'expiring'])
  t.match(server.last.received.at(-1), { action: 'auth', token: 'token2' })
  t.equal(client.expires, expires + 3_600_000)
  await clock.advance(7_200_000)
  t.same(reasons, ['first', 'expiring', 'expiring', 'expiring'])
  t.equal(server.sockets.length, 1)
  t.equal(states.length, 2, 'nobody saw it')
})

t.test('a short-lived token is renewed halfway', async (t) => {
  const { client, clock, server, reasons } = setup()
  const issued = new Map<string, number>()
  server.expiryOf = (token) => {
    issued.set(token, issued.get(token) ?? clock.now() + 4000)
    return issued.get(token) as number
  }
  void client.connect()
  await clock.advance(20_000)
  t.same(reasons.slice(1), Array(reasons.length - 1).fill('expiring'))
  t.ok(reasons.length > 5)
  t.equal(server.sockets.length, 1)
})

t.test(
  'where the server will not renew in place a new connection takes the new token',
  async (t) => {
    const { client, clock, server, reasons } = await connected({ random: () => 0.999 })
    const waits: number[] = []
    client.on('state', (_, { retryAt }) => {
      if (retryAt) waits.push(retryAt - clock.now())
    })
    const room = client.room('r')
    const got: number[] = []
    room.on('message', ({ offset }) => got.push(offset))
    void room.join()
    await clock.advance(1000)
    server.refusals.push({ action: 'auth', code: 'UNAUTHORIZED' })
    server.publish('r', 1)
    await clock.advance(3_541_000)
    server.publish('r', 2)
    await clock.advance(1000)
    t.same(reasons, ['first', 'expiring'])
    t.same(
      server.sockets.map(({ token }) => token),
      ['token1', 'token2'],
    )
    t.equal(client.state, 'connected')
    t.same(got, [1, 2])
    t.same(waits, [0], 'without a wait')
  },
)

t.test('a renewal that fails is reported and tried again while there is time', async (t) => {
  let broken = false
  const reasons: string[] = []
  const { clock, server, errors } = await connected({
    getToken: (reason) => {
      reasons.push(reason)
      if (broken) throw new Error('no network')
      return `token${reasons.length}`
    },
  })
  broken = true
  await clock.advance(3_545_000)
  t.same(errors, ['TOKEN'])
  await clock.advance(45_000)
  t.same(errors, ['TOKEN', 'TOKEN', 'TOKEN'], 'halfway through what is left, each time')
  broken = false
  await clock.advance(8000)
  t.match(server.last.received.at(-1), { action: 'auth' })
  t.equal(server.sockets.length, 1)
})

t.test('a clock that is wrong does not make the client ask in a circle', async (t) => {
  for (const skew of [-7_200_000, 7_200_000, 3_600_000]) {
    const { client, clock, server, reasons } = await connected({ skew })
    await clock.advance(600_000)
    server.kill()
    await clock.advance(600_000)
    t.equal(client.state, 'connected')
    t.ok(reasons.length < 25, `${reasons.length} times`)
  }
})

t.test('a token for years sets no timer that fires at once', async (t) => {
  const { client, clock, server, reasons } = setup()
  server.expiryOf = () => clock.now() + 100 * 365 * 86_400_000
  void client.connect()
  await clock.advance(60_000)
  t.same(reasons, ['first'])
})

t.test('a token that cannot be had or used is reported, and asked for again', async (t) => {
  const answers = [
    () => Promise.reject(new Error('offline')),
    () => undefined as unknown as string,
    () => 'not a token',
    () => 'token',
  ]
  const { clock, client, server, errors } = setup({
    getToken: () => (answers.shift() as () => string)(),
  })
  void client.connect()
  await clock.advance(60_000)
  t.ok(errors.length >= 3)
  t.ok(errors.every((code) => code === 'TOKEN'))
  t.equal(client.state, 'connected')
  t.same(server.last.protocols, ['parley.v1', 'bearer.token'])
})
