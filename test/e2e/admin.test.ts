import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

t.test('the pages for operators', { skip: chromiumMissing, timeout: 120_000 }, async (t) => {
  let server: ServerProcess
  let browser: Browser

  t.before(async () => {
    server = await startServer(t, { JWT_SECRET, RATE_LIMIT_REQUESTS: '0', DRAIN_SECONDS: '1' })
    browser = await launchChromium(t)
  })

  const connect = async (t: Test, user: string, room: string) => {
    const token = signToken({ sub: user, name: user.toUpperCase() }, 600)
    const client = new ChatClient(`${server.url.replace('http', 'ws')}/chat`, { token })
    t.teardown(() => client.terminate())
    await client.event('welcome')
    await client.ask('join', { room })
    return client
  }

  /** A page, and what it complained about. */
  const open = async (t: Test, path: string, width = 1200) => {
    const page = await browser.newPage({ viewport: { width, height: 800 } })
    t.teardown(() => page.close())
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      const refused = /Failed to load resource/.test(message.text())
      if (message.type() === 'error' && !refused) complaints.push(message.text())
    })
    await page.goto(server.url + path)
    return { page, complaints }
  }

  const signIn = async (page: Page, scope: string) => {
    await page.getByLabel('Token').fill(signToken({ sub: 'root', scope }, 600))
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  t.test('the console lets nobody in without the scope', async (t) => {
    const { page, complaints } = await open(t, '/admin')
    await signIn(page, 'publish')
    await page.getByText('This token lacks the scope “admin”.').waitFor()
    t.equal(await page.getByRole('table').count(), 0)
    t.same(complaints, [])
  })

  t.test('an administrator finds a connection and ends it', async (t) => {
    const [ann, ben] = [await connect(t, 'ann', 'harbour'), await connect(t, 'ben', 'quay')]
    const { page, complaints } = await open(t, '/admin')
    await signIn(page, 'admin')
    const connections = page.getByRole('region', { name: 'Connections' })
    await connections.getByRole('rowheader', { name: 'ANN' }).waitFor()
    await page.getByRole('button', { name: 'quay' }).click()
    await connections.getByRole('rowheader', { name: 'ANN' }).waitFor({ state: 'detached' })
    await connections.getByRole('rowheader', { name: 'BEN' }).waitFor()
    await connections.getByRole('button', { name: 'Disconnect' }).click()
    await connections.getByRole('button', { name: 'Really disconnect?' }).click()
    t.match(await ben.closed, { code: 4501 })
    await connections.getByText('No connection matches.').waitFor()
    await ann.settled()
    await page.getByLabel('Name begins with').fill('har')
    await page.getByRole('button', { name: 'quay' }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'harbour' }).waitFor()
    await page.reload()
    await connections.waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    t.same(complaints, [])
  })

  t.test('a token that is revoked ends the session of the console', async (t) => {
    const { page } = await open(t, '/admin')
    const token = signToken({ sub: 'chief', scope: 'admin', jti: 'stolen' }, 600)
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    await fetch(`${server.url}/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"jti":"stolen"}',
    })
    await page.getByText('the token was revoked').waitFor()
  })

  t.test('the page of interfaces shows every action and route', async (t) => {
    const { page, complaints } = await open(t, '/docs')
    await page.getByText('send_to_room', { exact: true }).first().click()
    await page.getByText('This id was stored before').waitFor()
    const [openapi, asyncapi] = await Promise.all(
      ['openapi', 'asyncapi'].map(async (name) =>
        JSON.parse(await (await fetch(`${server.url}/${name}.json`)).text()),
      ),
    )
    const routes = Object.values(openapi.paths as object).flatMap((path) => Object.keys(path))
    const events = asyncapi.operations.events.messages.length
    // All but what the server sends, what the echo does, and what the routes above are for.
    const ways = ['events', 'echo', 'streamed', 'posted']
    const actions = Object.keys(asyncapi.operations).filter((name) => !ways.includes(name)).length
    t.equal(await page.locator('details.entry').count(), routes.length + events + actions)
    t.same(complaints, [])
  })

  for (const width of [1200, 390]) {
    t.test(`both pages are accessible and fit ${width} pixels`, async (t) => {
      await connect(t, `wide-${width}`, 'harbour')
      const { page } = await open(t, '/admin', width)
      await signIn(page, 'admin')
      await page.getByRole('rowheader', { name: `WIDE-${width}` }).waitFor()
      for (const path of ['/admin', '/docs']) {
        if (path === '/docs') await page.goto(server.url + path)
        await page.locator('.panel').first().waitFor()
        t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, path)
        await page.evaluate(AXE)
        const { violations } = (await page.evaluate('axe.run()')) as AxeResults
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target}`)
        t.same(found, [], path)
      }
    })
  }

  t.test('draining from the console sends everyone away and ends the process', async (t) => {
    const ann = await connect(t, 'ann', 'harbour')
    const { page } = await open(t, '/admin')
    await signIn(page, 'admin')
    await page.getByRole('button', { name: 'Drain' }).click()
    await page.getByRole('button', { name: 'Really drain?' }).click()
    t.match(await ann.closed, { code: 1012 })
    t.equal(await server.exited(), 0)
  })
})
