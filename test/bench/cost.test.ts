import t, { type Test } from 'tap'
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded.js'
import { createMemoryStore } from '../../src/broker/embedded/memory-store.js'
import type { Change, LogStore } from '../../src/broker/embedded/store.js'
import { systemClock } from '../../src/clock.js'
import { resolveConfig } from '../../src/config.js'
import type { Connection } from '../../src/connections/connection.js'
import { RealtimeService } from '../../src/service.js'
import { allocatedBytes, CountingTransport, countCalls, writeCalls } from '../helpers/counting.js'
import { clientFrame } from '../helpers/frames.js'
import { listen } from '../helpers/listening-app.js'
import { RawWebSocket } from '../helpers/raw-websocket.js'

/**
 * What a message costs, counted instead of timed: the figures do not depend on the machine or on
 * what else it does. They fail when they grow; the limits are what was counted when they were set,
 * with a little air where Node's versions differ. docs/performance.md says what each is good for.
 */

t.setTimeout(120_000)

const MEMBERS = 500
const WARM_UP = 200
const ROUNDS = 200

/** A room of many members over counting transports, in this process. */
async function fullRoom(size: number) {
  const appended: Change[][] = []
  const memory = createMemoryStore()
  const store: LogStore = new Proxy(memory, {
    get(target, name: keyof LogStore) {
      if (name === 'commit') {
        return (changes: readonly Change[]) => {
          appended.push(changes.filter(({ kind }) => kind === 'append'))
          return target.commit(changes)
        }
      }
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const config = resolveConfig({ dataDir: ':memory:', rateLimitMessages: 0 })
  const { historySeconds } = config
  const service = new RealtimeService({
    config,
    broker: createEmbeddedBroker({
      store,
      clock: systemClock,
      durability: 'commit',
      historyMessages: 1000,
      historySeconds,
    }),
    clock: systemClock,
    log: { info() {}, warn() {}, error() {} },
    verifyToken: () => Promise.reject(new Error('nobody verifies')),
  })
  await service.start()
  const buffers = new Set<Buffer>()
  const transports: CountingTransport[] = []
  const members: Connection[] = []
  for (let i = 0; i < size; i++) {
    const transport = new CountingTransport(buffers)
    const user = `user-${i}`
    const member = service.open({
      request: 'counted',
      endpoint: 'chat',
      address: '127.0.0.1',
      transport,
      identity: {
        user,
        nick: user,
        expires: Date.now() + 3_600_000,
        issued: undefined,
        grants: { join: undefined, send: undefined },
        scopes: new Set(),
        tokenId: undefined,
      },
    })
    service.receive(member, '{"action":"join","id":"j","room":"r"}')
    transports.push(transport)
    members.push(member)
  }
  while (members.some(({ rooms }) => rooms.get('r')?.joiner || rooms.size === 0)) await turn()
  for (let i = 0; i < 5; i++) await turn()

  let id = 0
  const watcher = transports[0] as CountingTransport
  const sender = members.at(-1) as Connection
  /** Sends so many messages in one turn and waits until they were delivered. */
  const burst = async (size: number) => {
    const expected = watcher.events + size
    for (let i = 0; i < size; i++) {
      const send = `{"action":"send_to_room","id":"m${id++}","room":"r","msg":"${'x'.repeat(100)}"}`
      service.receive(sender, send)
    }
    while (watcher.events < expected) await turn()
    await turn()
  }
  const writes = () => transports.reduce((total, { writes }) => total + writes, 0)
  return { service, burst, buffers, appended, writes }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('a burst of 8 messages into a room of 500', async (t) => {
  const { service, burst, buffers, appended, writes } = await fullRoom(MEMBERS)
  for (let i = 0; i < WARM_UP; i++) await burst(8)
  buffers.clear()
  appended.length = 0
  const before = writes()
  const calls = await countCalls(
    { stringify: [JSON, 'stringify'], parse: [JSON, 'parse'], allocated: [Buffer, 'allocUnsafe'] },
    async () => {
      for (let i = 0; i < ROUNDS; i++) await burst(8)
    },
  )
  const messages = ROUNDS * 8
  const commits = appended.filter((changes) => changes.length > 0).length
  t.equal(appended.flat().length, messages, 'appends each message to the store once')
  t.equal(commits, ROUNDS, 'commits once')
  within(t, 'writes to each member once, and the replies in one write more at most', {
    counted: (writes() - before) / ROUNDS,
    least: MEMBERS,
    most: MEMBERS + 1,
  })
  within(t, 'makes two buffers: one for all members, one of replies', {
    counted: buffers.size / ROUNDS,
    most: 2,
  })
  within(t, 'encodes no more often than that', { counted: calls.allocated / ROUNDS, most: 2 })
  within(t, 'parses each message once', { counted: calls.parse / messages, most: 1 })
  within(t, 'turns nothing into JSON', { counted: calls.stringify / messages, most: 0 })
  await service.close()
})

t.test('a delivery that has nothing to share a write with', async (t) => {
  const perMessage = async (members: number) => {
    const { service, burst } = await fullRoom(members)
    for (let i = 0; i < WARM_UP * 3; i++) await burst(1)
    const bytes = await allocatedBytes(async () => {
      for (let i = 0; i < ROUNDS * 3; i++) await burst(1)
    })
    await service.close()
    return bytes / (ROUNDS * 3)
  }
  const [few, many] = [await perMessage(100), await perMessage(100 + MEMBERS)]
  // A closure or an object for every member would be 32 bytes and more.
  within(t, 'allocates nothing for a member', {
    counted: (many - few) / MEMBERS,
    least: -64,
    most: 24,
  })
})

const untold = writeCalls() === undefined && 'the system does not tell of system calls'

t.test('8 messages over sockets', { skip: untold }, async (t) => {
  const { server } = await listen(t, { rateLimitMessages: 0 })
  const members = await Promise.all(
    Array.from({ length: 50 }, (_, i) => RawWebSocket.open(server, '/chat', `user-${i}`)),
  )
  for (const member of members) member.send(clientFrame('{"action":"join","id":"j","room":"r"}'))
  await Promise.all(members.map((member) => member.text('"event":"ok"')))
  const send = async (burst: number) => {
    const frames = Array.from({ length: 8 }, (_, i) => {
      const id = `b${burst}-${i}`
      return clientFrame(`{"action":"send_to_room","id":"${id}","room":"r","msg":"x"}`)
    })
    members[0]?.send(...frames)
    const last = `"id":"b${burst}-7"`
    await Promise.all(members.map((member) => member.text('"event":"message"', last)))
  }
  const bursts = 10
  for (let i = 0; i < bursts; i++) await send(i)
  const before = writeCalls() as number
  for (let i = 0; i < bursts; i++) await send(bursts + i)
  // One of the sending client, one a member, and two for the replies and what the runtime wakes
  // itself with.
  within(t, 'take one system call a member', {
    counted: ((writeCalls() as number) - before) / bursts,
    least: members.length,
    most: members.length + 3,
  })
  for (const member of members) member.raw.end()
})

/** A counted figure is within its limits; `least`, so that what no longer counts is noticed. */
function within(
  t: Test,
  what: string,
  { counted, least = 0, most }: { counted: number; least?: number; most: number },
): void {
  t.ok(counted >= least && counted <= most, `${what} (${least} to ${most}: ${counted})`)
}
