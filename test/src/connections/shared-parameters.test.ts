import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { shareParameters } from '../../../src/connections/shared-parameters.js'

interface Extended {
  readonly _extensions: { readonly 'permessage-deflate': { readonly params: object } }
}

const parametersOf = (socket: WebSocket) =>
  (socket as unknown as Extended)._extensions['permessage-deflate'].params

async function startServer(t: Test) {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: 0,
    },
  })
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return async (clientMaxWindowBits: number | undefined) => {
    const connected = once(server, 'connection')
    const client = new WebSocket(`ws://127.0.0.1:${port}`, {
      perMessageDeflate: { clientMaxWindowBits, threshold: 0 },
    })
    t.teardown(() => client.terminate())
    const [socket] = (await connected) as [WebSocket]
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
    return { client, socket }
  }
}

t.test('connections that agreed to the same share what was agreed', async (t) => {
  const open = await startServer(t)
  const pairs = [await open(undefined), await open(undefined), await open(10)]
  const before = pairs.map(({ socket }) => parametersOf(socket))
  t.not(before[0], before[1], 'as ws leaves it')
  for (const { socket } of pairs) shareParameters(socket)
  const [first, second, third] = pairs.map(({ socket }) => parametersOf(socket))
  t.equal(first, second)
  t.not(first, third)
  t.same([first, second, third], before)
  for (const { client, socket } of pairs) {
    const got = once(socket, 'message')
    client.send('in ', { fin: false })
    client.send('two parts')
    t.equal(String((await got)[0]), 'in two parts')
    const answered = once(client, 'message')
    socket.send('and back '.repeat(100))
    t.equal(String((await answered)[0]), 'and back '.repeat(100))
  }
})

t.test('a connection without parameters is left alone', async (t) => {
  for (const socket of [{}, { _extensions: {} }, { _extensions: { 'permessage-deflate': {} } }]) {
    const before = structuredClone(socket)
    shareParameters(socket as unknown as WebSocket)
    t.same(socket, before)
  }
})
