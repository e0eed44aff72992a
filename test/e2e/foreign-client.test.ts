import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET } from '../helpers/jwt.js'
import { PYTHON, pythonMissing } from '../helpers/python.js'
import { startServer } from '../helpers/server.js'
import { openChat } from './chat-page.js'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const CLIENT = fileURLToPath(new URL('../../../test/e2e/client.py', import.meta.url))
const run = promisify(execFile)

/** A client in Python: what it gets is read line by line, what is written is sent. */
function startPython(t: Test, url: string, token: string) {
  const child = spawn(PYTHON, [CLIENT, url], { env: { TOKEN: token }, stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    send: (action: object) => void child.stdin.write(`${JSON.stringify(action)}\n`),
    async event(name: string): Promise<Record<string, unknown>> {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw new Error(`the client ended before "${name}"`)
        const event = JSON.parse(value)
        if (event.event === name) return event
      }
    },
    async end(): Promise<void> {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

const skip = chromiumMissing || pythonMissing('websockets')

t.test(
  'a Python client and a browser talk, and curl sees it',
  { skip, timeout: 120_000 },
  async (t) => {
    const server = await startServer(t, { JWT_SECRET })
    const env = { PATH: process.env.PATH ?? '', JWT_SECRET, DATA_DIR: ':memory:' }
    const args = [CLI, 'token', '--user', 'demo', '--name', 'Demo']
    const token = (await run(process.execPath, args, { env })).stdout.trim()
    const python = startPython(t, `${server.url.replace('http', 'ws')}/chat`, token)
    t.match(await python.event('welcome'), { user: 'demo', nick: 'Demo' })
    python.send({ action: 'join', id: 'j', room: '8888' })
    t.match(await python.event('ok'), { id: 'j', room: '8888' })

    const ann = await openChat(t, await launchChromium(t))
    await ann.enter(server.url, 'Ann', '8888')
    t.match(await python.event('joined'), { nick: 'Ann', members: 2 })
    await ann.say('8888', 'Hello, Python')
    t.match(await python.event('message'), { nick: 'Ann', offset: 1, msg: 'Hello, Python' })
    python.send({ action: 'send_to_room', id: 'm', room: '8888', msg: 'Hello, browser' })
    t.match(await python.event('ok'), { id: 'm', offset: 2 })
    await ann.line('Hello, browser').waitFor()

    const curl = async (path: string) => {
      const header = `Authorization: Bearer ${token}`
      const { stdout } = await run('curl', ['-sS', '--fail', '-H', header, `${server.url}${path}`])
      return JSON.parse(stdout)
    }
    t.match(await curl('/rooms'), { rooms: [{ name: '8888', members: 2, offset: 2 }] })
    t.match(await curl('/rooms/8888/members'), {
      members: [{ user: 'demo' }, { nick: 'Ann' }],
      count: 2,
    })
    t.match(await curl('/rooms/8888/messages'), {
      messages: [{ msg: 'Hello, Python' }, { user: 'demo', msg: 'Hello, browser' }],
    })
    await python.end()
  },
)
