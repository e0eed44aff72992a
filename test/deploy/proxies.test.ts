import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { createClient, type SocketConstructor } from '../../client/index.js'
import { EventStreamSocket } from '../../client/sse.js'
import { noHaproxy, startHaproxy } from '../helpers/haproxy.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noNginx, startNginx } from '../helpers/nginx.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

/** How long a connection may be silent in this test, seconds. */
const SILENCE = 2

t.setTimeout(120_000)
/** The proxies for which a configuration is shipped. */
const proxies = {
  nginx: { missing: noNginx, start: startNginx },
  HAProxy: { missing: noHaproxy, start: startHaproxy },
}

for (const [name, { missing, start }] of Object.entries(proxies)) {
  const title = `the shipped ${name} configuration in front of two nodes`
  t.test(title, { skip: noRedis || missing }, async (t) => {
    const redis = await RedisServer.start()
    t.teardown(() => redis.stop())
    const settings = {
      REDIS_URL: redis.url,
      JWT_SECRET,
      TRUST_PROXY: '127.0.0.1',
      HEARTBEAT_SECONDS: '1',
      DRAIN_SECONDS: '0',
      LOG_LEVEL: 'info',
    }
    const nodes = await Promise.all([startServer(t, settings), startServer(t, settings)])
    const port = await start(t, nodes, SILENCE)
    const ann = await enterLobby(t, 'ann', port, from('127.0.0.2'))
    const bob = await enterLobby(t, 'bob', port, from('127.0.0.3'))

    t.test('clients are on both nodes, each with its own address', async (t) => {
      const here = await Promise.all(nodes.map(connectionsOf))
      t.same(
        here.map(({ length }) => length),
        [1, 1],
      )
      t.same(
        here.flat().sort((a, b) => a.user.localeCompare(b.user)),
        [
          { user: 'ann', address: '127.0.0.2' },
          { user: 'bob', address: '127.0.0.3' },
        ],
      )
    })

    t.test('they chat across the nodes', async (t) => {
      await ann.room.send('hello')
      await bob.room.send('hello to you')
      await until(() => ann.heard.length === 2 && bob.heard.length === 2)
      t.same(ann.heard, ['1 hello', '2 hello to you'])
      t.same(bob.heard, ann.heard)
      t.same(ann.room.memberList.map(({ user }) => user).sort(), ['ann', 'bob'])
    })

    t.test('a page of the same origin may connect, a foreign one may not', async (t) => {
      t.equal(await handshake(port, `http://127.0.0.1:${port}`), 101)
      t.equal(await handshake(port, 'http://evil.example'), 403)
    })

    const lobby = [ann, bob]
    t.test('who comes without a WebSocket chats with them', async (part) => {
      const cat = await enterLobby(t, 'cat', port, EventStreamSocket)
      lobby.push(cat)
      const connections = (await Promise.all(nodes.map(connectionsOf))).flat()
      part.same(
        connections.filter(({ user }) => user === 'cat'),
        [{ user: 'cat', address: '127.0.0.1' }],
      )
      await cat.room.send('not held back')
      await bob.room.send('nor is this')
      await until(() => [ann, bob].every(({ heard }) => heard.length === 4))
      await until(() => cat.heard.length === 2)
      part.same(cat.heard, ['3 not held back', '4 nor is this'])
      part.same(ann.heard.slice(2), cat.heard)
    })

    t.test('heartbeats keep quiet connections open', async (t) => {
      await sleep(SILENCE * 2000)
      for (const { states } of lobby) t.same(states, ['connecting', 'connected'])
    })

    t.test('a node that stops hands its clients to the other', async (t) => {
      await nodes[0]?.stop()
      for (const text of ['3', '4', '5'])
        await Promise.all(lobby.map(({ room }) => room.send(text)))
      const last = () => lobby.map(({ heard }) => heard.at(-1)?.split(' ')[0])
      await until(() => last().every((offset) => offset === '13'))
      t.same(ann.heard.length, 13)
      for (const { heard } of lobby) t.same(heard, ann.heard.slice(-heard.length))
      t.equal((await connectionsOf(nodes[1] as ServerProcess)).length, 3)
    })
  })
}

/** WebSockets that come from an address of their own. */
function from(localAddress: string) {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { localAddress })
    }
  }
}

/** A client of the library in the room. */
async function enterLobby(t: Test, user: string, port: number, socket: unknown) {
  const client = createClient({
    url: `http://127.0.0.1:${port}/chat`,
    getToken: () => signToken({ sub: user }, 3600),
    WebSocket: socket as SocketConstructor,
    backoff: { base: 50, cap: 200 },
  })
  t.teardown(() => client.close())
  const states: string[] = []
  client.on('state', (state) => states.push(state))
  const room = client.room('lobby')
  const heard: string[] = []
  room.on('message', ({ offset, msg }) => heard.push(`${offset} ${msg}`))
  await room.join()
  return { room, heard, states }
}

async function connectionsOf(node: ServerProcess): Promise<{ user: string; address: string }[]> {
  const token = signToken({ sub: 'root', scope: 'admin' }, 60)
  const headers = { authorization: `Bearer ${token}` }
  const get = async (path: string) => (await fetch(`${node.url}${path}`, { headers })).json()
  const { this: name } = (await get('/nodes')) as { this: string }
  const { connections } = (await get('/connections')) as {
    connections: { node: string; user: string; address: string }[]
  }
  return connections
    .filter((connection) => connection.node === name)
    .map(({ user, address }) => ({ user, address }))
}

/** The status that a handshake from a page of this origin gets. */
async function handshake(port: number, origin: string): Promise<number> {
  const headers = { authorization: `Bearer ${signToken({ sub: 'page' })}`, origin }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers })
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.on('upgrade', () => {
      resolve(101)
      socket.terminate()
    })
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0))
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}
