import { once } from 'node:events'
import { connect } from 'node:tls'
import t from 'tap'
import { makeCertificate } from '../helpers/certificate.js'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { until } from './recorded-run.js'

const SETTINGS = { WORKERS: '2', JWT_SECRET, RATE_LIMIT_REQUESTS: '0', DRAIN_SECONDS: '1' }
const MEMBERS = 8

t.setTimeout(120_000)

/** Clients that are in a room, some with each worker: connections go to the workers in turn. */
async function connectMembers({ url }: ServerProcess): Promise<ChatClient[]> {
  const users = Array.from({ length: MEMBERS }, (_, i) => `user${i}`)
  return Promise.all(
    users.map(async (sub) => {
      const token = signToken({ sub }, 600)
      const client = new ChatClient(`${url.replace('http', 'ws')}/chat`, { token })
      await client.opened
      await client.ask('join', { room: 'r' })
      return client
    }),
  )
}

/** Whom the certificate names that a new connection is shown. */
async function certified({ url }: ServerProcess): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

t.test('any worker knows of all workers and their connections', async (t) => {
  const server = await startServer(t, SETTINGS)
  const members = await connectMembers(server)
  t.teardown(() => members.map((member) => member.terminate()))
  const authorization = `Bearer ${signToken({ sub: 'root', scope: 'admin' }, 600)}`
  const read = async (path: string) =>
    (await (await fetch(`${server.url}${path}`, { headers: { authorization } })).json()) as {
      this: string
      nodes: { node: string; ok: boolean; connections: number }[]
      connections: { node: string; user: string }[]
    }
  const asked = new Set<string>()
  await until(async () => {
    // A connection of its own each time, which may be with the other worker.
    const reply = await fetch(`${server.url}/nodes`, {
      headers: { authorization, connection: 'close' },
    })
    const { this: name, nodes } = (await reply.json()) as Awaited<ReturnType<typeof read>>
    asked.add(name)
    t.equal(nodes.length, 2)
    t.ok(nodes.every(({ ok }) => ok))
    return asked.size === 2
  })
  const { connections } = await read('/connections?room=r')
  t.equal(new Set(connections.map(({ user }) => user)).size, MEMBERS)
  t.same(new Set(connections.map(({ node }) => node)), asked, 'some with each worker')

  const [node] = asked
  const drain = await fetch(`${server.url}/drain?node=${node}`, {
    method: 'POST',
    headers: { authorization },
  })
  t.equal(drain.status, 202)
  for (const member of members) t.match(await member.closed, { code: 1012 })
  t.equal(await server.exited(), 0, 'a drain of one worker is one of the service')
})

t.test('every worker reads a renewed certificate on SIGHUP, and nobody is dropped', async (t) => {
  const certificate = await makeCertificate(t)
  const server = await startServer(t, { ...SETTINGS, ...certificate.env })
  const members = await connectMembers(server)
  t.teardown(() => members.map((member) => member.terminate()))
  t.equal(await certified(server), 'localhost')
  await certificate.replace('renewed.example')
  process.kill(server.pid, 'SIGHUP')
  const renewed = () => server.log.filter((line) => line.includes('read again and is in use'))
  await until(() => renewed().length === 2)
  for (let n = 0; n < 6; n++) t.equal(await certified(server), 'renewed.example')
  for (const member of members) {
    t.match(await member.ask('send_to_room', { room: 'r', msg: 'still here' }), { event: 'ok' })
  }
})
