import t from 'tap'
import { createClient } from '../../client/index.js'
import { FakeServer } from './support/fake-server.js'
import { VirtualClock } from './support/virtual-clock.js'

t.test('a client joins, sends, and is told', async (t) => {
  const clock = new VirtualClock()
  const server = new FakeServer(clock)
  const states: string[] = []
  const client = createClient<string>({
    url: 'ws://x/chat',
    getToken: () => 'a.b.c',
    WebSocket: server.WebSocket,
    clock,
  })
  client.on('state', (s) => states.push(s))
  const room = client.room('8888')
  const got: unknown[] = []
  room.on('message', (m) => got.push([m.offset, m.msg]))
  server.publish('8888', 'before')
  const join = room.join()
  await clock.advance(100)
  t.match(await join, { offset: 1, count: 1 })
  const sends = ['a', 'b', 'c'].map((m) => room.send(m))
  await clock.advance(100)
  t.match(await Promise.all(sends), [{ offset: 2 }, { offset: 3 }, { offset: 4 }])
  t.same(got, [
    [1, 'before'],
    [2, 'a'],
    [3, 'b'],
    [4, 'c'],
  ])
  server.kill()
  server.publish('8888', 'missed')
  const late = room.send('late')
  await clock.advance(5000)
  t.match(await late, { offset: 6 })
  t.same(got.slice(4), [
    [5, 'missed'],
    [6, 'late'],
  ])
  client.close()
  t.equal(clock.pending, 0)
  t.same(states, ['connecting', 'connected', 'reconnecting', 'reconnecting', 'connected', 'closed'])
})
