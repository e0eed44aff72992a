import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import Fastify from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { parley } from '../../plugins/parley.js'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { openChat } from './chat-page.js'

const ROOM = '8888'
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** A colour that is being faded in is not the one to be judged. */
const reducedMotion = 'reduce'

/** Most that a first visit may load, in bytes as they travel. */
const MOST_BYTES = 48 * 1024

t.test('the pages', { skip: chromiumMissing, timeout: 220_000 }, async (t) => {
  let server: ServerProcess
  let browser: Browser
  let axe: string

  t.before(async () => {
    server = await startServer(t)
    browser = await launchChromium(t)
    axe = await readFile(AXE, 'utf8')
  })

  /** What axe-core has to say against a page: which rule, where, and why. */
  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe)
    const { violations } = (await page.evaluate('axe.run()')) as AxeResults
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`),
    )
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 1440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      t.test(`give axe-core nothing to say: ${colorScheme}, ${viewport.width} px`, async (t) => {
        const ann = await openChat(t, browser, { colorScheme, viewport, reducedMotion })
        await ann.page.goto(`${server.url}/`)
        await ann.page.getByLabel('Your name').waitFor()
        t.same(await violations(ann.page), [], 'who are you')
        await ann.enter(server.url, 'Ann', ROOM)
        await ann.say(ROOM, 'Hello')
        await ann.line('Hello').last().waitFor()
        t.same(await violations(ann.page), [], 'a room')
        for (const name of viewport.width < 400 ? ['Rooms', 'Here now: 1 person'] : []) {
          await ann.page.getByRole('button', { name }).click()
          t.same(await violations(ann.page), [], `the panel ${name}`)
          await ann.page.keyboard.press('Escape')
        }
        await ann.page.goto(`${server.url}/#/`)
        await ann.page.getByRole('button', { name: 'Join room 8888' }).waitFor()
        t.same(await violations(ann.page), [], 'no room')
        await ann.page.goto(`${server.url}/echo`)
        await ann.page.getByRole('button', { name: 'Connect' }).click()
        await ann.page.getByRole('button', { name: 'Send', exact: true }).click()
        await ann.page.locator('.log-in').waitFor()
        t.same(await violations(ann.page), [], 'the echo tester')
        t.same(ann.complaints, [])
      })
    }
  }

  t.test('can be used without a mouse', async (t) => {
    const ann = await openChat(t, browser)
    const press = (key: string) => ann.page.keyboard.press(key)
    await ann.page.goto(`${server.url}/#/room/${ROOM}`)
    await ann.page.getByLabel('Your name').focus()
    await ann.page.keyboard.insertText('Ann')
    await press('Enter')
    await ann.waitFor('connected')
    await ann.page.getByText('Skip to the message field').focus()
    await press('Enter')
    await ann.page.keyboard.insertText('one')
    await press('Shift+Enter')
    await ann.page.keyboard.insertText('two')
    await press('Enter')
    await ann.page.getByText('one\ntwo').waitFor()
    t.same((await ann.lines()).at(-1)?.text, 'one\ntwo')
  })

  t.test('load little, and nothing from elsewhere', async (t) => {
    for (const path of ['/', '/echo']) {
      const context = await browser.newContext()
      const page = await context.newPage()
      const client = await context.newCDPSession(page)
      const addresses: string[] = []
      let bytes = 0
      page.on('request', (request) => addresses.push(request.url()))
      client.on('Network.loadingFinished', ({ encodedDataLength }) => {
        bytes += encodedDataLength
      })
      await client.send('Network.enable')
      await page.goto(`${server.url}${path}`, { waitUntil: 'networkidle' })
      t.ok(bytes > 0 && bytes <= MOST_BYTES, `${path} loads ${bytes} bytes`)
      t.same(
        addresses.filter((address) => !address.startsWith(server.url)),
        [],
      )
      await context.close()
    }
  })

  t.test('work under a prefix', async (t) => {
    const app = Fastify()
    await app.register(parley, {
      prefix: '/realtime',
      jwtSecret: [JWT_SECRET],
      dataDir: ':memory:',
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => app.close())
    const ann = await openChat(t, browser)
    await ann.page.goto(`${url}/realtime`)
    t.equal(ann.page.url(), `${url}/realtime/`)
    await ann.enter(`${url}/realtime`, 'Ann', ROOM)
    await ann.say(ROOM, 'Hello')
    await ann.line('Hello').waitFor()
    await ann.page.goto(`${url}/realtime/echo`)
    await ann.page.getByRole('button', { name: 'Connect' }).click()
    await ann.page.getByText('Subprotocol: parley.v1.').waitFor()
    t.same(ann.complaints, [])
  })
})
