import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { EventStreamSocket } from '../../client/sse.js'
import { check } from '../chaos/checker.js'
import { explain } from '../chaos/explain.js'
import type { HistoryEvent } from '../chaos/history.js'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { noNginx, ROUND_ROBIN, startNginx, WITHOUT_UPGRADES } from '../helpers/nginx.js'
import { noRedis, RedisServer } from '../helpers/redis.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { openChat } from './chat-page.js'
import { RecordedClient } from './recorded-client.js'
import { isAtEnd, readLogs, until } from './recorded-run.js'

/** How often each node is killed while clients send. */
const KILLS = Number(process.env.KILLS ?? 2)
const PRESENCE_BOUND = 15_000

t.setTimeout(240_000)
t.test(
  'two nodes over Redis behind an nginx that drops upgrade headers and goes round',
  { skip: noRedis || noNginx },
  async (t) => {
    const redis = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always'])
    t.teardown(() => redis.stop())
    const settings = {
      REDIS_URL: redis.url,
      JWT_SECRET,
      JWT_COOKIE: 'session',
      TRUST_PROXY: '127.0.0.1',
      HEARTBEAT_SECONDS: '2',
      RATE_LIMIT_REQUESTS: '0',
      GUESTS: 'true',
      LOG_LEVEL: 'info',
    }
    const nodes = await Promise.all([startServer(t, settings), startServer(t, settings)])
    const port = await startNginx(t, nodes, 75, [...WITHOUT_UPGRADES, ...ROUND_ROBIN])
    const url = `http://127.0.0.1:${port}`

    t.test('Chromium chats, also while a node dies', { skip: chromiumMissing }, async (t) => {
      const browser = await launchChromium(t)
      const [ann, bo] = [await openChat(t, browser), await openChat(t, browser)]
      await ann.enter(url, 'Ann', '8888')
      await bo.enter(url, 'Bo', '8888')
      await ann.people.getByText('Bo').waitFor()
      await ann.composer('8888').pressSequentially('Hel')
      await bo.page.getByText('Ann is writing').waitFor()
      await ann.say('8888', 'Hello')
      await bo.line('Hello').waitFor()
      t.same(await transportsOf(nodes[0]), ['sse', 'sse'])
      await nodes[0]?.kill()
      for (let n = 1; n <= 5; n++) {
        await ann.say('8888', `a${n}`)
        await bo.say('8888', `b${n}`)
      }
      for (const each of [ann, bo]) {
        for (const text of ['a5', 'b5']) await each.line(text).waitFor()
        await each.settled()
      }
      await nodes[0]?.restart()
      const texts = (await ann.lines()).map(({ text }) => text)
      for (const who of ['a', 'b']) {
        t.same(
          texts.filter((text) => text.startsWith(who)),
          [1, 2, 3, 4, 5].map((n) => `${who}${n}`),
        )
      }
      t.same(await bo.lines(), await ann.lines())
      t.same([...ann.complaints, ...bo.complaints], [])
    })

    t.test('a plain EventSource follows a room', { skip: chromiumMissing }, async (t) => {
      const browser = await launchChromium(t)
      const { page, context } = await openChat(t, browser)
      const value = signToken({ sub: 'eve' }, 600)
      await context.addCookies([{ name: 'session', value, url }])
      await page.goto(`${url}/health`)
      await page.evaluate(`
        globalThis.heard = []
        globalThis.source = new EventSource('/chat/events?room=feed')
        source.onmessage = ({ data }) => heard.push(JSON.parse(data))
      `)
      const messages = () =>
        page.evaluate<number[]>("heard.filter((e) => e.event === 'message').map((e) => e.msg)")
      await page.waitForFunction("heard.some((e) => e.event === 'ok')")
      for (let n = 1; n <= 3; n++) await publish(url, 'feed', n)
      await page.waitForFunction('heard.some((e) => e.msg === 3)')
      const holder = nodes.find(({ log }) => log.some((line) => isOpening(line, 'eve')))
      await holder?.kill()
      for (let n = 4; n <= 6; n++) await publish(url, 'feed', n)
      await page.waitForFunction('heard.some((e) => e.msg === 6)', undefined, { timeout: 20_000 })
      t.same(await messages(), [1, 2, 3, 4, 5, 6], 'it went on by itself on the other node')
      await holder?.restart()
    })

    t.test('curl -N follows a room and resumes by Last-Event-ID', async (t) => {
      for (let n = 1; n <= 3; n++) await publish(url, 'news', n)
      const first = follow(t, url, 'news', ['-H', 'Last-Event-ID: '])
      await first.until(/"event":"ok"/)
      for (let n = 4; n <= 6; n++) await publish(url, 'news', n)
      await first.until(/"msg":6,/)
      first.end()
      const [last] = first.text.match(/^id: \S+$/gm)?.slice(-1) ?? []
      t.match(last, /^id: \S{1,64}\/6$/)
      for (let n = 7; n <= 9; n++) await publish(url, 'news', n)
      const second = follow(t, url, 'news', ['-H', `Last-Event-ID: ${last?.slice(4)}`])
      await second.until(/"msg":9,/)
      second.end()
      const messages = [...(first.text + second.text).matchAll(/"event":"message".*"msg":(\d+),/g)]
      t.same(
        messages.map(([, msg]) => Number(msg)),
        [4, 5, 6, 7, 8, 9],
      )
      t.match(second.text, /"recovered":true/)
    })

    t.test('the promise holds with kills in between', async (t) => {
      const history: HistoryEvent[] = []
      const fault = (text: string) => history.push({ at: performance.now(), type: 'fault', text })
      const clients = Array.from({ length: 8 }, (_, i) => {
        // The second half tries a WebSocket first, in vain.
        const socket = i < 4 ? EventStreamSocket : WebSocket
        return new RecordedClient(`c${i}`, `user${i % 6}`, url, `room${i % 2}`, history, socket)
      })
      t.teardown(() => {
        for (const client of clients) client.close()
      })
      await Promise.all(clients.map((client) => client.join()))
      const over = new AbortController()
      const sending = clients.map((client) => sendUntil(client, over.signal))
      for (let n = 0; n < KILLS; n++) {
        for (const [i, node] of nodes.entries()) {
          await sleep(1000 * Math.random())
          fault(`node ${i} is killed`)
          await node.kill()
          await sleep(500)
          await node.restart()
        }
      }
      fault('Redis is killed')
      await redis.kill()
      await sleep(1000)
      await redis.restart()
      over.abort()
      await Promise.all(sending)
      await until(() => clients.every(({ pending }) => pending === 0))
      history.push({ at: performance.now(), type: 'quiet' })
      for (const client of clients) client.watchPresence()
      const logs = await readLogs(url, ['room0', 'room1'])
      await until(() => clients.every(({ room }) => isAtEnd(room, logs)))
      const violations = check(history, logs, { presenceBound: PRESENCE_BOUND })
      for (const each of violations.slice(0, 5)) t.comment(explain(each, history).join('\n'))
      t.same(
        violations.map(({ rule, text }) => `${rule}: ${text}`),
        [],
      )
      const count = (type: string) => history.filter((event) => event.type === type).length
      t.equal(count('ok'), count('send'), 'everything was acknowledged')
      t.comment(`${count('send')} sent, ${count('message')} delivered`)
      const transports = await transportsOf(nodes[0])
      t.same([...new Set(transports)], ['sse'], 'and nothing came in another way')
    })
  },
)

/** With which transports clients are connected, to whichever node: any of them tells. */
async function transportsOf({ url }: ServerProcess): Promise<string[]> {
  const authorization = `Bearer ${signToken({ sub: 'root', scope: 'admin' })}`
  const response = await fetch(`${url}/connections`, { headers: { authorization } })
  const { connections } = (await response.json()) as { connections: { transport: string }[] }
  return connections.map(({ transport }) => transport)
}

function isOpening(line: string, user: string): boolean {
  return line.includes('connection opened') && line.includes(`"user":"${user}"`)
}

async function publish(url: string, room: string, msg: unknown): Promise<void> {
  const authorization = `Bearer ${signToken({ sub: 'backend', scope: 'publish' })}`
  const response = await fetch(`${url}/rooms/${room}/messages`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ msg }),
  })
  if (response.status !== 201) throw new Error(`not published: ${await response.text()}`)
}

/** `curl -N` on a room. */
function follow(t: Test, url: string, room: string, more: readonly string[]) {
  const authorization = `Authorization: Bearer ${signToken({ sub: 'curl' }, 600)}`
  const args = ['-sN', '-H', authorization, ...more, `${url}/chat/events?room=${room}`]
  const child = spawn('curl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill())
  const follower = {
    text: '',
    end: () => child.kill(),
    async until(pattern: RegExp): Promise<void> {
      while (!pattern.test(follower.text)) await sleep(20)
    },
  }
  child.stdout.on('data', (data) => {
    follower.text += data
  })
  return follower
}

async function sendUntil(client: RecordedClient, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    client.send()
    await sleep(100)
    await until(() => client.pending < 20)
  }
}
