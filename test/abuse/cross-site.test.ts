import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { startServer } from '../helpers/server.js'

/** What becomes of a WebSocket that a page opens. */
const attempt = (page: Page, url: string): Promise<unknown> =>
  page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket(${JSON.stringify(url)})
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).user)
    socket.onclose = ({ code }) => resolve(code)
  })`)

t.test(
  'a foreign page cannot use the cookie of who visits it',
  { skip: chromiumMissing },
  async (t) => {
    const server = await startServer(t, { JWT_SECRET, JWT_COOKIE: 'session' })
    const foreign = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<h1>You have won</h1>')
    })
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
    t.teardown(() => foreign.close())
    const browser = await launchChromium(t)
    const context = await browser.newContext()
    // A cookie is sent to every port of a host: only the Origin tells the two pages apart.
    const cookie = { name: 'session', value: signToken({ sub: 'victim' }, 600), url: server.url }
    await context.addCookies([cookie])
    const page = await context.newPage()
    const chat = `${server.url.replace('http', 'ws')}/chat`

    await page.goto(`${server.url}/health/live`)
    t.equal(await attempt(page, chat), 'victim', 'the own page is let in by the cookie')

    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}`)
    t.equal(await attempt(page, chat), 1006)
    t.equal(await attempt(page, chat.replace('/chat', '/ws')), 1006)
    const posted = await page.evaluate(`fetch(${JSON.stringify(`${server.url}/rooms/r/messages`)}, {
    method: 'POST', credentials: 'include', mode: 'no-cors',
    headers: { 'content-type': 'text/plain' }, body: '{"msg":"sent by a foreign page"}',
  }).then(({ type }) => type)`)
    t.equal(posted, 'opaque')
    const authorization = `Bearer ${signToken({ sub: 'ann' })}`
    const stored = await fetch(`${server.url}/rooms/r/messages`, { headers: { authorization } })
    t.match(await stored.json(), { messages: [], offset: 0 })
  },
)
