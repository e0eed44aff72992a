import { request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import * as ws from 'ws'
import { WebSocket } from 'ws'
import { signToken } from '../test/chaos/token.js'
import { Http2WebSocket } from '../test/helpers/h2-websocket.js'

/** Many members of one room, in a process of their own; they only count what they are given. */
export interface MembersOptions {
  readonly url: string
  readonly way: 'websocket' | 'tls' | 'h2' | 'sse' | 'follow' | 'deflate' | 'ws deflate'
  readonly members: number
  readonly room: string
}

export interface MembersReport {
  readonly received: number
}

/** Members that come in at the same time. */
const AT_ONCE = 20

const MESSAGE = '"event":"message"'

const { url, way, members, room } = JSON.parse(process.argv[2] ?? '{}') as MembersOptions
const join = JSON.stringify({ action: 'join', id: 'join', room })
const socketUrl = `${url.replace('http', 'ws')}/chat`
let received = 0

countInsteadOfInflating()

/** Each resolves when its member is in the room. */
const ways: Record<MembersOptions['way'], (user: string) => Promise<void>> = {
  websocket: (user) => member(new WebSocket(socketUrl, optionsOf(user))),
  tls: (user) => member(new WebSocket(socketUrl, optionsOf(user))),
  h2: (user) => member(new Http2WebSocket(socketUrl, [], { ...optionsOf(user), session: pool() })),
  deflate: (user) => member(new WebSocket(socketUrl, { ...optionsOf(user), ...COMPRESSED })),
  'ws deflate': (user) => member(new WebSocket(socketUrl, { ...optionsOf(user), ...COMPRESSED })),
  sse: (user) => listen('/chat/events', signToken(user, 3600), true),
  follow: (user) => listen(`/chat/events?room=${room}`, signToken(user, 3600), false),
}

const optionsOf = (user: string) => ({
  headers: { authorization: `Bearer ${signToken(user, 3600)}` },
  rejectUnauthorized: false,
  perMessageDeflate: false,
})

/** Compresses all that it sends, as browsers do. What comes is only counted, see below. */
const COMPRESSED = { perMessageDeflate: { threshold: 0 }, skipUTF8Validation: true }

function member(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    let joined = false
    socket.on('error', reject)
    socket.on('open', () => socket.send(join))
    socket.on('message', (data: Buffer) => {
      const text = data.toString('latin1', 0, 40)
      const compressed = !text.startsWith('{')
      if (joined) received += Number(compressed || text.includes(MESSAGE))
      else if (compressed || text.includes('"id":"join"')) {
        // A long answer to the join is the first that is compressed.
        joined = true
        resolve()
      }
    })
  })
}

/** Only the server is measured: inflating the same thing a thousand times here would hold it up. */
function countInsteadOfInflating(): void {
  const { PerMessageDeflate } = ws as unknown as { PerMessageDeflate: { prototype: object } }
  Object.assign(PerMessageDeflate.prototype, {
    decompress(data: Buffer, _fin: boolean, done: (error: null, data: Buffer) => void) {
      process.nextTick(done, null, data)
    },
  })
}

/** Sockets on one connection of HTTP/2. */
const PER_SESSION = 100

const sessions: ClientHttp2Session[] = []
let pooled = 0

function pool(): ClientHttp2Session {
  if (pooled++ % PER_SESSION === 0) {
    const session = connect(url, { rejectUnauthorized: false })
    session.setMaxListeners(0)
    sessions.push(session)
  }
  return sessions.at(-1) as ClientHttp2Session
}

function listen(path: string, token: string, posts: boolean): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    let rest = ''
    request(`${url}${path}`, { headers, agent: false }, (response) => {
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        const events = (rest + chunk).split('\n\n')
        rest = events.pop() as string
        for (const event of events) {
          if (event.includes(MESSAGE)) received++
          else if (event.startsWith(':') && posts) void post('{"action":"ping"}')
          else if (event.includes('"event":"ok"')) resolve()
          else if (event.includes('"event":"welcome"') && posts) {
            connection = /"connection":"([^"]+)"/.exec(event)?.[1] ?? ''
            post(join).catch(reject)
          }
        }
      })
    })
      .on('error', reject)
      .end()
    let connection = ''
    const post = async (body: string) => {
      const response = await fetch(`${url}/chat/actions?connection=${connection}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      })
      if (response.status !== 202) throw new Error(await response.text())
    }
  })
}

for (let i = 0; i < members; i += AT_ONCE) {
  const some = Array.from({ length: Math.min(AT_ONCE, members - i) }, (_, n) => `member-${i + n}`)
  await Promise.all(some.map((user) => ways[way](user)))
}
process.send?.('ready')
process.on('message', () => process.send?.({ received } satisfies MembersReport))
