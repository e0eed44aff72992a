import t from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

const MESSAGES = 1000
const KILLS = 5

interface Stored {
  readonly id: string
  readonly offset: number
  readonly msg: number
}

async function connect(server: ServerProcess): Promise<ChatClient> {
  const url = `${server.url.replace('http', 'ws')}/chat`
  const client = new ChatClient(url, { token: signToken({ sub: 'ann' }, 600) })
  await client.opened
  await client.ask('join', { room: 'r' })
  return client
}

async function readLog(client: ChatClient): Promise<{ epoch: string; messages: Stored[] }> {
  const messages: Stored[] = []
  for (;;) {
    const after = messages.at(-1)?.offset ?? 0
    const page = await client.ask('history', { room: 'r', after, limit: 300 })
    messages.push(...(page.messages as Stored[]))
    if (!page.more) return { epoch: String(page.epoch), messages }
  }
}

t.test(
  'what was acknowledged survives SIGKILL at random moments, exactly once, in order',
  async (t) => {
    const server = await startServer(t, { JWT_SECRET, RATE_LIMIT_MESSAGES: '0', LOG_LEVEL: 'info' })
    const acknowledged = new Map<string, number>()
    let next = 0
    let unanswered: number[] = []

    for (let round = 0; round <= KILLS; round++) {
      const client = await connect(server)
      const last = round === KILLS
      const goal = last ? MESSAGES : Math.floor((MESSAGES * (round + Math.random())) / (KILLS + 1))
      const died = last ? undefined : client.closed
      // What was on its way when the process died is sent again, first and with the same id.
      const toSend = unanswered
      unanswered = []
      await new Promise<void>((resolve) => {
        const inFlight = new Set<number>()
        const settle = () => {
          unanswered = [...inFlight]
          resolve()
        }
        client.socket.on('message', (data) => {
          const event = JSON.parse(String(data))
          if (event.event !== 'ok' || !event.id.startsWith('m')) return
          acknowledged.set(event.id, event.offset)
          inFlight.delete(Number(event.id.slice(1)))
          if (!last && acknowledged.size >= goal) void server.kill()
          else if (last && acknowledged.size === MESSAGES) settle()
          else pump()
        })
        void died?.then(settle)
        const pump = () => {
          while (inFlight.size < 20) {
            const n = toSend.shift() ?? (next < MESSAGES ? next++ : undefined)
            if (n === undefined) return
            inFlight.add(n)
            client.send({ action: 'send_to_room', id: `m${n}`, room: 'r', msg: n })
          }
        }
        pump()
        if (!last && acknowledged.size >= goal) void server.kill()
      })
      if (!last) await server.restart()
      else client.terminate()
    }

    const reader = await connect(server)
    const { epoch, messages } = await readLog(reader)
    t.ok(epoch)
    t.same(
      messages.map(({ offset }) => offset),
      Array.from({ length: MESSAGES }, (_, i) => i + 1),
      'offsets without a hole, each message once',
    )
    t.equal(new Set(messages.map(({ id }) => id)).size, MESSAGES)
    const offsets = new Map(messages.map(({ id, offset }) => [id, offset]))
    for (const [id, offset] of acknowledged) {
      if (offsets.get(id) !== offset) t.fail(`${id} was acknowledged at ${offset}`)
    }
    t.same(
      messages.map(({ msg }) => msg),
      messages.map(({ msg }) => msg).toSorted((a, b) => a - b),
      'in the order in which they were sent',
    )
    reader.terminate()
    t.equal(await server.stop(), 0, 'SIGTERM ends the process with 0')
  },
)
