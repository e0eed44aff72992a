import t from 'tap'
import { createClient } from '../../client/index.js'
import { FakeServer } from './support/fake-server.js'
import { connected, pretendBrowser, setup } from './support/setup.js'
import { settle, VirtualClock } from './support/virtual-clock.js'

t.test('connecting offers the protocol and the token, and resolves at the welcome', async (t) => {
  const { client, clock, server, states, reasons } = setup()
  const welcomes: string[] = []
  client.on('welcome', ({ connection }) => welcomes.push(connection))
  t.same([client.state, client.user], ['idle', undefined])
  const done = client.connect()
  await clock.advance(100)
  await done
  await client.connect()
  t.equal(server.last.url, 'ws://127.0.0.1/chat')
  t.same(server.last.protocols, ['parley.v1', 'bearer.token1'])
  t.same([client.state, client.user, client.nick], ['connected', 'me', 'me'])
  t.same([client.connectionId, welcomes], ['c1', ['c1']])
  t.match(client.expires, Number)
  t.same(
    states.map(({ state }) => state),
    ['connecting', 'connected'],
  )
  t.same(reasons, ['first'])
  server.kill()
  t.same([client.connectionId, client.user], [undefined, 'me'])
})

t.test('addresses of http and https become those of ws and wss, without a fragment', async (t) => {
  const clock = new VirtualClock()
  const server = new FakeServer(clock)
  const { WebSocket } = server
  for (const url of ['https://127.0.0.1/a#b', new URL('wss://127.0.0.1/a')]) {
    void createClient({ url, getToken: () => 't', WebSocket, clock }).connect()
    await settle()
    t.equal(server.last.url, 'wss://127.0.0.1/a')
  }
  t.throws(() => createClient({ url: '/chat', getToken: () => 't', WebSocket }), TypeError)
})

t.test('without a WebSocket of the platform one must be handed in', (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true })
  if (before) t.teardown(() => Object.defineProperty(globalThis, 'WebSocket', before))
  const options = { url: 'ws://127.0.0.1/chat', getToken: () => 't' }
  t.throws(() => createClient(options), { name: 'TypeError', message: /options\.WebSocket/ })
  t.end()
})

t.test(
  'a lost connection comes back after 1, 2, 4 … seconds at the most, up to the cap',
  async (t) => {
    const { client, clock, server, states } = await connected({
      random: () => 0.999_999,
      backoff: { cap: 5000 },
    })
    server.door = 'refused'
    server.kill()
    await clock.advance(20_000)
    const waits = states.flatMap(({ detail }) => (detail.retryAt ? [detail] : []))
    t.same(
      waits.map(({ attempt }) => attempt),
      [0, 1, 2, 3, 4, 5],
    )
    t.equal(server.sockets.length, 6, 'tried at 1, 3, 7, 12 and 17 s')
    t.match(states.at(-1), { state: 'reconnecting', detail: { code: 1006, reason: '' } })
    server.door = 'open'
    await clock.advance(6000)
    t.equal(client.state, 'connected')
    server.kill()
    t.match(states.at(-1)?.detail, { attempt: 0 }, 'a welcome starts the count anew')
  },
)

t.test('a socket that opens without a welcome does not start the count anew', async (t) => {
  const { client, clock, server, states } = setup()
  server.accept = (socket) => {
    socket.open('c')
    socket.end(1011, 'broken')
  }
  void client.connect()
  await clock.advance(10_000)
  t.same(
    states.flatMap(({ detail }) => (detail.retryAt ? [detail.attempt] : [])),
    [0, 1, 2, 3, 4],
  )
})

t.test('maxRetries ends in failed, from where connect starts over', async (t) => {
  const { client, clock, server, states, own } = setup({ maxRetries: 2 })
  server.door = 'refused'
  const done = client.connect()
  await clock.advance(60_000)
  await t.rejects(done, { code: 'FAILED' })
  t.equal(server.sockets.length, 3)
  t.match(states.at(-1), { state: 'failed', detail: { code: 1006 } })
  t.equal(own.pending, 0)
  server.door = 'open'
  const again = client.connect()
  await clock.advance(100)
  await again
  t.equal(client.state, 'connected')
})

t.test('close codes say whether to come back', async (t) => {
  for (const code of [1001, 1011, 1012, 1013, 4001, 4008, 4009, 4029]) {
    const { client, server, clock } = await connected()
    server.last.end(code, 'why')
    t.equal(client.state, 'reconnecting', String(code))
    await clock.advance(2000)
    t.equal(client.state, 'connected')
  }
  for (const code of [1000, 1002, 1003, 1007, 1009, 4501, 4502, 4503]) {
    const { server, states, own } = await connected()
    server.last.end(code, 'why')
    t.match(states.at(-1), { state: 'failed', detail: { code, reason: 'why' } })
    t.equal(own.pending, 0)
  }
})

t.test('a server that drains says when to come back', async (t) => {
  const { client, clock, server, states } = await connected()
  const closings: unknown[] = []
  client.on('closing', ({ code, reason, reconnect_after }) =>
    closings.push([code, reason, reconnect_after]),
  )
  server.last.push({ event: 'closing', code: 1012, reason: 'Restart', reconnect_after: 7000 })
  await clock.advance(100)
  t.same(closings, [[1012, 'Restart', 7000]])
  server.last.end(1012, 'Restart')
  t.equal(states.at(-1)?.detail.retryAt, clock.now() + 7000)
  await clock.advance(6990)
  t.equal(client.state, 'reconnecting')
  await clock.advance(100)
  t.equal(client.state, 'connected')
  server.last.push({ event: 'closing', code: 1012, reason: 'Restart', reconnect_after: 7000 })
  await clock.advance(100)
  server.door = 'refused'
  server.last.end(1012, 'Restart')
  await clock.advance(7005)
  t.equal(states.at(-1)?.detail.retryAt, clock.now() + 1000, 'said once, it counts once')
})

t.test('a handshake that is not answered is given up', async (t) => {
  const { client, clock, server } = setup({ connectTimeout: 3000 })
  server.door = 'silent'
  void client.connect()
  await clock.advance(2990)
  t.equal(client.state, 'connecting')
  await clock.advance(20)
  t.equal(client.state, 'reconnecting')
  t.equal(server.last.readyState, 3)
  server.door = 'open'
  await clock.advance(1000)
  t.equal(client.state, 'connected')
})

t.test('reconnectNow, the network and the eye of the user end the wait', async (t) => {
  const browser = pretendBrowser(t)
  const { client, clock, server } = await connected({ random: () => 0.999 })
  const wakes = [
    () => client.reconnectNow(),
    () => browser.setOnline(true),
    () => browser.setVisible(true),
  ]
  for (const wake of wakes) {
    server.kill()
    await clock.advance(100)
    t.equal(client.state, 'reconnecting')
    browser.setVisible(false)
    await clock.advance(100)
    t.equal(client.state, 'reconnecting')
    wake()
    wake()
    await clock.advance(100)
    t.equal(client.state, 'connected')
  }
  t.equal(server.sockets.length, 4)
  t.equal(browser.listeners.window, 1)
  client.close()
  t.equal(browser.listeners.window, 0)
  browser.setVisible(true)
  browser.setOnline(true)
  await clock.advance(1000)
  t.equal(server.sockets.length, 4)
})

t.test('without a network the client does not hammer', async (t) => {
  const browser = pretendBrowser(t)
  const { client, clock, server } = await connected()
  browser.setOnline(false)
  server.kill()
  await clock.advance(29_000)
  t.equal(server.sockets.length, 1)
  browser.setOnline(true)
  await clock.advance(100)
  t.equal(client.state, 'connected')
})

t.test(
  'after silence the client asks, after twice as much it gives the connection up',
  async (t) => {
    const { client, clock, server } = await connected()
    await clock.advance(24_000)
    t.same(server.last.received, [])
    await clock.advance(2000)
    t.same(server.last.received, [{ action: 'ping' }])
    await clock.advance(200_000)
    t.equal(client.state, 'connected', 'the answers keep it')
    t.equal(server.sockets.length, 1)
    server.last.dead = true
    await clock.advance(60_000)
    t.equal(server.sockets.length, 2)
    t.equal(server.sockets[0]?.readyState, 2)
    t.equal(client.state, 'connected')
  },
)

t.test('who only listens is heard of now and then', async (t) => {
  const { clock, server } = await connected()
  for (let second = 0; second < 200; second++) {
    server.last.push({ event: 'direct', user: 'u', nick: 'n', msg: second, time: 1 })
    await clock.advance(1000)
  }
  t.same(server.last.received, Array(2).fill({ action: 'ping' }))
})

t.test('a throttled or suspended page does not lose a healthy connection', async (t) => {
  const { client, clock, server } = await connected()
  server.tamper = () => []
  await clock.advance(26_000)
  server.tamper = (frame) => [frame]
  t.equal(server.last.received.length, 1, 'it has asked')
  const { last } = server
  // An hour passes; then the timers run first, and only after them what the socket has received.
  clock.suspend(3_600_000)
  await clock.advance(900)
  last.deliver('{"event":"pong"}')
  await clock.advance(600_000)
  t.equal(client.state, 'connected')
  t.equal(server.last, last)
})

t.test('a page whose timers are always late finds out as well', async (t) => {
  const { clock, server } = await connected()
  server.last.dead = true
  for (let minute = 0; minute < 5; minute++) {
    clock.suspend(60_000)
    await clock.advance(10)
  }
  t.equal(server.sockets[0]?.readyState, 2)
  await clock.advance(2000)
  t.equal(server.sockets.length, 2)
})

t.test('a suspended page whose connection died finds out soon', async (t) => {
  const { client, clock, server } = await connected()
  await clock.advance(26_000)
  server.last.dead = true
  await clock.advance(1000)
  clock.suspend(3_600_000)
  await clock.advance(27_000)
  t.equal(server.sockets.length, 2)
  t.equal(client.state, 'connected')
})

t.test('a page that wakes up asks at once whether the connection lives', async (t) => {
  const browser = pretendBrowser(t)
  const { client, clock, server } = await connected()
  browser.setVisible(true)
  await clock.advance(6000)
  t.same(server.last.received, [{ action: 'ping' }])
  t.equal(server.sockets.length, 1)
  server.last.dead = true
  browser.setOnline(true)
  await clock.advance(4900)
  t.equal(client.state, 'connected')
  await clock.advance(1000)
  t.equal(server.sockets.length, 2)
})

t.test('a request that is never answered ends the connection, not the client', async (t) => {
  const { client, clock, server } = await connected({})
  const { handle } = server
  server.handle = (socket, action) => {
    if (action.action !== 'send_to_user') handle.call(server, socket, action)
  }
  const lost = client.sendToUser('ann', 1)
  await clock.advance(80_000)
  await t.rejects(lost, { code: 'DISCONNECTED' })
  t.equal(server.sockets.length, 2)
  t.equal(client.state, 'connected')
})

t.test('close is final: nothing is left, nothing comes', async (t) => {
  const { client, clock, server, own, states } = await connected()
  const room = client.room('r')
  const joined = room.join()
  const sent = room.send('x')
  const asked = client.sendToUser('ann', 1)
  client.close()
  client.close()
  for (const promise of [joined, sent, asked] as Promise<unknown>[])
    await t.rejects(promise, { code: 'CLOSED' })
  await t.rejects(client.connect(), { code: 'CLOSED' })
  await t.rejects(room.join(), { code: 'CLOSED' })
  await t.rejects(room.send('y'), { code: 'CLOSED' })
  client.reconnectNow()
  await clock.advance(60_000)
  t.equal(own.pending, 0)
  t.same([server.sockets.length, server.live.length], [1, 0])
  t.equal(states.filter(({ state }) => state === 'closed').length, 1)
  t.same([client.state, room.state], ['closed', 'left'])
})

t.test('close while a token is being fetched or a wait runs leaves nothing either', async (t) => {
  let give: (token: string) => void = () => {}
  const token = new Promise<string>((resolve) => {
    give = resolve
  })
  const fetching = setup({ getToken: () => token })
  const done = fetching.client.connect()
  await fetching.clock.advance(10)
  fetching.client.close()
  give('late')
  await t.rejects(done, { code: 'CLOSED' })
  await fetching.clock.advance(1000)
  t.equal(fetching.server.sockets.length, 0)

  const waiting = await connected()
  waiting.server.kill()
  waiting.client.close()
  t.equal(waiting.own.pending, 0)
})

t.test('a handler may close the client in the middle of anything', async (t) => {
  for (const last of ['connecting', 'connected', 'welcome'] as const) {
    const { client, clock, own, server, reasons } = setup()
    const seen: string[] = []
    const see = (what: string) => {
      seen.push(what)
      if (what === last) client.close()
    }
    client.on('state', see)
    client.on('welcome', () => see('welcome'))
    client.room('r').on('state', (state) => seen.push(`room ${state}`))
    const done = client.connect()
    await clock.advance(1000)
    t.same([client.state, own.pending, server.live.length], ['closed', 0, 0], last)
    t.same(seen.slice(seen.indexOf(last) + 1), ['room left', 'closed'])
    t.equal(reasons.length, last === 'connecting' ? 0 : 1)
    await t.rejects(done, { code: 'CLOSED' })
  }
  const { client, clock, server, own } = await connected()
  const room = client.room('r')
  void room.join()
  await clock.advance(100)
  room.on('state', () => client.close())
  server.kill()
  t.same([client.state, own.pending], ['closed', 0])
})

t.test('messages to users go and come', async (t) => {
  const { client, clock, server } = await connected()
  const got: unknown[] = []
  client.on('direct', ({ user, nick, msg, time }) => got.push([user, nick, msg, time]))
  const sent = client.sendToUser('ann', { a: 1 })
  server.last.push({ event: 'direct', user: 'ann', nick: 'Ann', msg: { b: 2 }, time: 5 })
  await clock.advance(100)
  t.match(await sent, { connections: 1 })
  t.match(server.last.received, [{ action: 'send_to_user', user: 'ann', msg: { a: 1 } }])
  t.same(got, [['ann', 'Ann', { b: 2 }, 5]])
})

t.test('a handler that throws is reported, and disturbs nobody', async (t) => {
  const reported: unknown[] = []
  Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'reportError'))
  const { client, clock, server } = await connected()
  const seen: unknown[] = []
  client.on('direct', () => {
    throw new Error('mine')
  })
  const off = client.on('direct', ({ msg }) => {
    seen.push(msg)
    if (msg === 2) off()
  })
  for (const msg of [1, 2, 3]) {
    server.last.push({ event: 'direct', user: 'u', nick: 'n', msg, time: 1 })
  }
  await clock.advance(100)
  t.same(seen, [1, 2])
  t.match(reported, [{ message: 'mine' }, { message: 'mine' }, { message: 'mine' }])
})

t.test('where there is no reportError such an error is an uncaught one', async (t) => {
  const { client, clock, server } = await connected()
  client.on('direct', () => {
    throw new Error('mine')
  })
  const caught = new Promise((resolve) => {
    const handlers = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const handler of handlers) process.on('uncaughtException', handler)
      resolve(error)
    })
  })
  server.last.push({ event: 'direct', user: 'u', nick: 'n', msg: 1, time: 1 })
  await clock.advance(100)
  t.match(await caught, { message: 'mine' })
})
