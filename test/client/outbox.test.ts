import t from 'tap'
import { createClient, type OutboxStore, type Room, type StoredSend } from '../../client/index.js'
import { FakeServer } from './support/fake-server.js'
import { connected, type Setup } from './support/setup.js'
import { VirtualClock } from './support/virtual-clock.js'

async function joined(
  options: Parameters<typeof connected>[0] = {},
): Promise<Setup & { readonly room: Room }> {
  const scene = await connected(options)
  const room = scene.client.room('r')
  void room.join()
  await scene.clock.advance(2000)
  return { ...scene, room }
}

const stored = (server: FakeServer) => server.stored.map(({ message }) => message.msg)
const queue = (room: Room) => room.outbox.map(({ msg, state }) => `${msg} ${state}`)
const sends = ({ server }: Setup) =>
  server.sockets.flatMap(({ received }) =>
    received.filter(({ action }) => action === 'send_to_room'),
  )

t.test('a send resolves with its place, and has its id at once', async (t) => {
  const { clock, room, server } = await joined()
  const changes: string[] = []
  room.on('outbox', () => changes.push(queue(room).join()))
  const own = room.send('a', { id: 'mine' })
  const other = room.send('b')
  t.equal(own.id, 'mine')
  t.match(other.id, /^[!-~]{1,64}$/)
  t.same(queue(room), ['a sending', 'b pending'])
  await clock.advance(100)
  t.match(await own, { epoch: 'e1', offset: 1, time: Number })
  t.match(await other, { offset: 2 })
  t.notMatch(await own, { duplicate: true })
  t.same(room.outbox, [])
  t.same(
    [...new Set(changes)],
    ['a pending', 'a sending', 'a sending,b pending', 'b pending', 'b sending', ''],
  )
  t.same(stored(server), ['a', 'b'])
})

t.test('before a join nothing is taken, during one everything', async (t) => {
  const { clock, client, server } = await connected()
  const room = client.room('r')
  await t.rejects(room.send(1), { code: 'NOT_A_MEMBER' })
  void room.join()
  const sent = room.send(2)
  await clock.advance(100)
  t.match(await sent, { offset: 1 })
  t.same(stored(server), [2])
})

t.test('what was not confirmed is sent again after a reconnect, once and in order', async (t) => {
  const scene = await joined()
  const { clock, room, server } = scene
  server.tamper = (frame) => (frame.includes('"ok"') ? [] : [frame])
  const results = ['a', 'b', 'c'].map((text) => room.send(text))
  await clock.advance(8)
  t.same(stored(server), ['a'], 'stored, but the answer is lost')
  server.kill()
  server.tamper = (frame) => [frame]
  t.same(queue(room), ['a pending', 'b pending', 'c pending'])
  await clock.advance(2000)
  t.match(await Promise.all(results), [
    { offset: 1, duplicate: true },
    { offset: 2 },
    { offset: 3 },
  ])
  t.same(stored(server), ['a', 'b', 'c'])
  const ids = sends(scene).map(({ id }) => id)
  t.equal(ids[0], ids[1])
})

t.test('the order holds when the server refuses for the moment', async (t) => {
  const { clock, room, server } = await joined()
  server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 500 })
  server.refusals.push({ action: 'send_to_room', code: 'STORE_UNAVAILABLE' })
  const results = ['a', 'b', 'c'].map((text) => room.send(text))
  await clock.advance(400)
  t.same(queue(room), ['a pending', 'b pending', 'c pending'])
  await clock.advance(600)
  t.same(stored(server), [])
  await clock.advance(1000)
  t.match(await Promise.all(results), [{ offset: 1 }, { offset: 2 }, { offset: 3 }])
  t.same(stored(server), ['a', 'b', 'c'])
})

t.test('an absurd retry_after neither floods the server nor waits for ever', async (t) => {
  const scene = await joined()
  const { clock, room, server } = scene
  for (let n = 0; n < 40; n++) {
    server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 0 })
  }
  server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 1e15 })
  const sent = room.send('a')
  await clock.advance(300)
  t.ok(sends(scene).length <= 11, `${sends(scene).length} tries`)
  await clock.advance(70_000)
  t.match(await sent, { offset: 1 })
})

t.test('a pause ends with the connection', async (t) => {
  const { client, clock, room, server, own } = await joined()
  server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 50_000 })
  const sent = room.send('a')
  await clock.advance(100)
  server.kill()
  await clock.advance(2000)
  t.match(await sent, { offset: 1 })
  server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 50_000 })
  void room.send('b')
  await clock.advance(100)
  client.close()
  t.equal(own.pending, 0)
})

t.test('a message that is refused for good fails alone', async (t) => {
  const { clock, room, server } = await joined()
  for (const code of ['FORBIDDEN', 'BAD_FIELD', 'INTERNAL']) {
    server.refusals = [{ action: 'send_to_room', code }]
    const bad = room.send(code)
    const good = room.send('good')
    await clock.advance(100)
    await t.rejects(bad, { code })
    t.match(await good, { epoch: 'e1' })
    t.match(room.outbox, [{ id: bad.id, msg: code, state: 'failed', error: { code } }])
    room.discard(bad.id)
    t.same(room.outbox, [])
  }
})

t.test('a failed message can be sent again, as the last one', async (t) => {
  const { clock, room, server } = await joined()
  server.refusals.push({ action: 'send_to_room', code: 'FORBIDDEN' })
  const failed = room.send('a')
  await clock.advance(100)
  await t.rejects(failed, { code: 'FORBIDDEN' })
  const later = room.send('b')
  const again = room.retry(failed.id)
  t.equal(again.id, failed.id)
  t.equal(room.retry(later.id), later, 'one that waits is the same')
  await t.rejects(room.retry('unknown'), { code: 'BAD_FIELD' })
  await clock.advance(100)
  t.match(await again, { offset: 2 })
  t.same(stored(server), ['b', 'a'])
  t.same(room.outbox, [])
})

t.test('the same id is the same message', async (t) => {
  const { clock, room, server } = await joined()
  const first = room.send('a', { id: 'x' })
  t.equal(room.send('a', { id: 'x' }), first)
  await clock.advance(100)
  const again = room.send('a', { id: 'x' })
  await clock.advance(100)
  t.match(await again, { offset: 1, duplicate: true })
  t.same(stored(server), ['a'])
})

t.test('a discarded message is forgotten', async (t) => {
  const { clock, room, server } = await joined()
  const [sending, waiting] = [room.send('a'), room.send('b')]
  room.discard(waiting.id)
  room.discard(sending.id)
  room.discard('unknown')
  const next = room.send('c')
  await t.rejects(waiting, { code: 'DISCARDED' })
  await t.rejects(sending, { code: 'DISCARDED' })
  await clock.advance(100)
  t.match(await next, { offset: 2 })
  t.same(stored(server), ['a', 'c'])
})

t.test('what can never be sent is refused at once', async (t) => {
  const { room, clock, server } = await joined()
  const cycle: unknown[] = []
  cycle.push(cycle)
  for (const msg of [undefined, () => 1, cycle, 1n]) {
    await t.rejects(room.send(msg), { code: 'BAD_FIELD', message: /msg/ })
  }
  for (const id of ['', ' ', 'a b', 'ä', 'x'.repeat(65)]) {
    await t.rejects(room.send(1, { id }), { code: 'BAD_FIELD', message: /id/ })
  }
  t.same(room.outbox, [])
  const object = { text: 'before' }
  const sent = room.send(object)
  object.text = 'after'
  await clock.advance(100)
  await sent
  t.same(stored(server), [{ text: 'before' }])
})

t.test('a message over the server’s limit fails without costing the connection', async (t) => {
  const { room, clock, server, client } = await joined()
  server.maxBytes = 200
  server.kill()
  await clock.advance(2000)
  const large = room.send('é'.repeat(100))
  const small = room.send('e'.repeat(100))
  await clock.advance(100)
  await t.rejects(large, { code: 'TOO_LARGE', message: /200 bytes/ })
  t.match(await small, { offset: 1 })
  await t.rejects(client.sendToUser('ann', 'x'.repeat(200)), { code: 'TOO_LARGE' })
  t.equal(server.sockets.length, 2)
})

t.test('the outbox is bounded', async (t) => {
  const { room, server } = await joined({ outboxLimit: 3 })
  server.kill()
  for (const text of ['a', 'b', 'c']) void room.send(text)
  await t.rejects(room.send('d'), { code: 'OUTBOX_FULL', message: /3 messages/ })
  t.equal(room.outbox.length, 3)
})

t.test('leaving fails what waits; what is on its way is still answered', async (t) => {
  const { room, clock, server } = await joined()
  const [first, second] = [room.send('a'), room.send('b')]
  void room.leave()
  await t.rejects(second, { code: 'LEFT' })
  await t.rejects(room.send('c'), { code: 'LEFT' })
  await clock.advance(100)
  t.match(await first, { offset: 1 })

  void room.join()
  await clock.advance(2000)
  const third = room.send('d')
  void room.leave()
  server.kill()
  await t.rejects(third, { code: 'LEFT' })
  t.same(queue(room), ['b failed', 'd failed'])
  void room.join()
  void room.retry(third.id)
  await clock.advance(2000)
  t.same(stored(server), ['a', 'd'])
})

t.test('a client that gives up fails what waits, and can go on', async (t) => {
  const { client, room, clock, server } = await joined()
  server.last.end(4501, 'Revoked')
  const late = room.send('b')
  t.equal(client.state, 'failed')
  await t.rejects(late, { code: 'FAILED' })
  void client.connect()
  await clock.advance(2000)
  t.equal(room.state, 'joined')
  const sent = room.send('c')
  await clock.advance(100)
  t.match(await sent, { offset: 1 })
})

t.test('who is no member after all joins again, and then sends', async (t) => {
  const { room, clock, server } = await joined()
  server.last.rooms.delete('r')
  const results = ['a', 'b'].map((text) => room.send(text))
  await clock.advance(2000)
  t.match(await Promise.all(results), [{ offset: 1 }, { offset: 2 }])
})

t.test('sends to rooms do not wait for each other', async (t) => {
  const { room, clock, client, server } = await joined()
  const other = client.room('s')
  void other.join()
  await clock.advance(100)
  server.refusals.push({ action: 'send_to_room', code: 'RATE_LIMITED', retry_after: 30_000 })
  const held = room.send('a')
  const free = other.send('b')
  await clock.advance(100)
  t.match(await free, { offset: 1 })
  await clock.advance(30_000)
  t.match(await held, { offset: 1 })
})

/** A store that outlives the clients that use it. */
class MemoryStore implements OutboxStore {
  sends: StoredSend[] = []
  fails = false
  closed = false

  load(): Promise<StoredSend[]> {
    return this.#answer([...this.sends])
  }

  add({ room, id, json }: StoredSend): Promise<void> {
    this.sends.push({ room, id, json })
    return this.#answer(undefined)
  }

  remove({ id }: StoredSend): void {
    this.sends = this.sends.filter((send) => send.id !== id)
    if (this.fails) throw new Error('broken')
  }

  close(): void {
    this.closed = true
  }

  async #answer<T>(value: T): Promise<T> {
    if (this.fails) throw new Error('broken')
    return value
  }
}

t.test('with a store a reload loses nothing, and doubles nothing', async (t) => {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  const server = new FakeServer(clock)
  const start = () => {
    const { WebSocket } = server
    const client = createClient<string>({
      url: 'ws://x',
      getToken: () => 't',
      WebSocket,
      clock,
      store,
    })
    const room = client.room('r')
    void room.join()
    return { client, room }
  }
  const first = start()
  await clock.advance(100)
  server.tamper = (frame) => (frame.includes('"ok"') ? [] : [frame])
  for (const text of ['a', 'b', 'c']) void first.room.send(text)
  await clock.advance(8)
  first.client.close()
  server.tamper = (frame) => [frame]
  t.same(stored(server), ['a'])
  t.equal(store.sends.length, 3)

  const second = start()
  const late = second.room.send('d')
  await clock.advance(20)
  t.same(queue(second.room), ['a sending', 'b pending', 'c pending', 'd pending'])
  await clock.advance(500)
  t.match(await late, { offset: 4 })
  t.same(stored(server), ['a', 'b', 'c', 'd'])
  t.same(store.sends, [])
})

t.test('nothing overtakes what a slow store brings, and nothing comes twice from it', async (t) => {
  const store = new MemoryStore()
  store.sends = ['x', 'y'].map((id) => ({ room: 'r', id, json: JSON.stringify(id) }))
  let give = () => {}
  const asked = new Promise<void>((resolve) => {
    give = resolve
  })
  const { load } = store
  store.load = () => asked.then(() => load.call(store))
  const { clock, room, server } = await joined({ store })
  void room.send('y', { id: 'y' })
  void room.send('z')
  await clock.advance(1000)
  t.same(stored(server), [])
  give()
  await clock.advance(1)
  t.same(queue(room), ['x sending', 'y pending', 'z pending'])
  await clock.advance(1000)
  t.same(stored(server), ['x', 'y', 'z'])
  t.same(room.outbox, [])
})

t.test('the store is told when the client is closed', async (t) => {
  const store = new MemoryStore()
  const { client } = await joined({ store })
  client.close()
  t.ok(store.closed)
})

t.test('a store that fails is reported, and stops nothing', async (t) => {
  const store = new MemoryStore()
  store.fails = true
  const { clock, room, errors } = await joined({ store })
  const sent = room.send('a')
  await clock.advance(100)
  t.match(await sent, { offset: 1 })
  t.same(errors, ['STORE', 'STORE', 'STORE'])
})
