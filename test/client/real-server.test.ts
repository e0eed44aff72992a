import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { ClientOptions } from '../../client/index.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { Driver, judge } from './support/driver.js'
import { startProxy } from './support/proxy.js'

t.setTimeout(220_000)

const ENV = { JWT_SECRET }
const token = (sub: string, seconds = 600) => signToken({ sub }, seconds)

function drive(
  t: Test,
  server: ServerProcess,
  user: string,
  options: Partial<ClientOptions> = {},
): Driver {
  const url = `${server.url}/chat`
  const driver = new Driver({ url, token: token(user), WebSocket, ...options })
  t.teardown(() => driver.client.close())
  return driver
}

t.test(
  'two clients go through two kills of the server in the middle of their bursts',
  async (t) => {
    const server = await startServer(t, ENV)
    const [ann, ben] = [drive(t, server, 'ann'), drive(t, server, 'ben')]
    await Promise.all([ann.join(), ben.join()])
    const bursts = Promise.all([ann.burst('a', 150), ben.burst('b', 150)])
    for (const count of [60, 180]) {
      await ann.until(count)
      await server.kill()
      await server.restart()
    }
    const [annOffsets, benOffsets] = await bursts
    await Promise.all([ann.until(300), ben.until(300)])
    t.same(judge(ann.lines, ['a', 'b'], 150), [])
    t.same(ben.lines, ann.lines)
    for (const offsets of [annOffsets, benOffsets]) {
      t.same(
        offsets,
        [...offsets].sort((a, b) => a - b),
      )
    }
    t.same([ann.resets, ben.resets], [[], []])
  },
)

t.test('a server that drains is left and found again', async (t) => {
  const server = await startServer(t, { ...ENV, DRAIN_SECONDS: '1' })
  const ann = drive(t, server, 'ann')
  const closings: number[] = []
  ann.client.on('closing', ({ code }) => closings.push(code))
  await ann.join()
  const burst = ann.burst('a', 120)
  await ann.until(20)
  await server.stop()
  await server.restart()
  await burst
  await ann.until(120)
  t.same(judge(ann.lines, ['a'], 120), [])
  t.same(closings, [1012])
})

t.test('a link that dies without a word is noticed, and nothing of it is lost', async (t) => {
  const server = await startServer(t, { ...ENV, HEARTBEAT_SECONDS: '1' })
  const proxy = await startProxy(t, server.url)
  const ann = drive(t, server, 'ann', { url: proxy.url })
  const ben = drive(t, server, 'ben')
  await Promise.all([ann.join(), ben.join()])
  await ann.burst('a', 5)
  proxy.freeze()
  const late = ann.burst('c', 5)
  await ben.burst('b', 5)
  await late
  await Promise.all([ann.until(15), ben.until(15)])
  t.same(judge(ann.lines, ['a', 'b', 'c'], 5), [])
  t.same(ben.lines, ann.lines)
  t.ok(ann.states.includes('reconnecting No sign of life'))
  t.notOk(ben.states.some((state) => state.startsWith('reconnecting')))
})

t.test('a token is renewed on the connection, and a refused one replaced', async (t) => {
  const server = await startServer(t, ENV)
  const reasons: string[] = []
  let renewedTwice = () => {}
  const renewals = new Promise<void>((resolve) => {
    renewedTwice = resolve
  })
  const ann = drive(t, server, 'ann', {
    getToken: (reason) => {
      reasons.push(reason)
      if (reasons.length === 4) renewedTwice()
      return reason === 'first' ? token('ann', -60) : token('ann', 4)
    },
  })
  await ann.join()
  const { connectionId, expires = 0 } = ann.client
  await renewals
  t.same(reasons, ['first', 'refused', 'expiring', 'expiring'])
  t.equal(ann.client.connectionId, connectionId)
  t.ok((ann.client.expires ?? 0) > expires)
})

t.test('an erased log and a removal are announced', async (t) => {
  const server = await startServer(t, ENV)
  const admin = signToken({ sub: 'root', scope: 'admin' })
  const remove = (path: string) =>
    fetch(`${server.url}/rooms/r/${path}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${admin}` },
    })
  const [ann, ben] = [drive(t, server, 'ann'), drive(t, server, 'ben')]
  await Promise.all([ann.join(), ben.join()])
  await ann.burst('a', 3)
  await remove('messages')
  await ann.burst('b', 2)
  await ann.until(5)
  t.same(ann.resets, ['erased'])
  t.same(
    ann.lines.map(({ offset }) => offset),
    [1, 2, 3, 1, 2],
  )
  const left = new Promise((resolve) => {
    ann.room.on('state', (state, { error }) => resolve([state, error?.code]))
  })
  await remove('members/ann')
  t.same(await left, ['left', 'REMOVED'])
  t.equal(ben.room.state, 'joined')
})

t.test('more messages than a page holds are caught up with', async (t) => {
  const server = await startServer(t, { ...ENV, RATE_LIMIT_MESSAGES: '0' })
  const [ann, ben] = [drive(t, server, 'ann'), drive(t, server, 'ben', { outboxLimit: 1200 })]
  const cara = drive(t, server, 'cara')
  await Promise.all([ann.join(), ben.join()])
  const position = ann.room.position
  await ann.room.leave()
  await ben.burst('b', 1200)
  await ann.room.join(position ? { since: position } : {})
  await ann.until(1200)
  t.same(judge(ann.lines, ['b'], 1200), [])
  await cara.join(10)
  await cara.until(10)
  t.equal(cara.lines[0]?.offset, 1191)
  t.same(ann.resets, [])
})

t.test('members, signals, messages to users and history work against the server', async (t) => {
  const server = await startServer(t, ENV)
  const [ann, ben] = [drive(t, server, 'ann'), drive(t, server, 'ben')]
  await ann.join()
  const arrived = new Promise((resolve) => {
    ann.room.on('joined', ({ user, members }) => resolve([user, members]))
  })
  await ben.join()
  t.same(await arrived, ['ben', 2])
  t.same(
    ann.room.memberList.map(({ user }) => user),
    ['ann', 'ben'],
  )
  t.match(await ann.room.members(), { count: 2, more: false })
  const signal = new Promise((resolve) => {
    ben.room.on('signal', ({ user, msg }) => resolve([user, msg]))
  })
  t.ok(ann.room.signal('typing'))
  t.same(await signal, ['ann', 'typing'])
  const direct = new Promise((resolve) => {
    ben.client.on('direct', ({ user, msg }) => resolve([user, msg]))
  })
  t.match(await ann.client.sendToUser('ben', { hello: 1 }), { connections: 1 })
  t.same(await direct, ['ann', { hello: 1 }])
  await ann.burst('a', 5)
  const page = await ben.room.history({ before: 4, limit: 2 })
  t.match(page, { messages: [{ offset: 2, msg: 'a 1' }, { offset: 3 }], more: true })
  await t.rejects(ann.room.send('x'.repeat(70_000)), { code: 'TOO_LARGE' })
  await t.rejects(drive(t, server, 'eve', { maxRetries: 0 }).client.room('\n').join(), {
    code: 'BAD_FIELD',
  })
})
