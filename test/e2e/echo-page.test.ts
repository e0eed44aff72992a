import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { type ServerProcess, startServer } from '../helpers/server.js'

t.test('the echo tester', { skip: chromiumMissing, timeout: 220_000 }, async (t) => {
  let server: ServerProcess
  let browser: Browser

  t.before(async () => {
    server = await startServer(t)
    browser = await launchChromium(t)
  })

  async function open(t: Test): Promise<Page> {
    const context = await browser.newContext()
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.goto(`${server.url}/echo`)
    return page
  }

  async function connect(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Connect' }).click()
    await state(page, 'open')
  }

  t.test('connects, sends text and bytes, closes, and logs all of it', async (t) => {
    const page = await open(t)
    t.equal(
      await page.getByLabel('Address').inputValue(),
      `${server.url.replace('http', 'ws')}/ws`,
      'this server’s echo is the first choice',
    )
    await connect(page)
    const message = page.getByRole('textbox', { name: 'Message' })
    const send = page.getByRole('button', { name: 'Send', exact: true })
    await message.fill('Grüße')
    await send.click()
    await lines(page, 4)
    await page.getByLabel('Hex').check()
    await message.fill('de ad be ef')
    await send.click()
    await lines(page, 6)
    await page.getByLabel('Base64').check()
    await message.fill('3q2+7w==')
    await send.click()
    await lines(page, 8)
    await page.getByLabel('Random bytes').fill('70000')
    await page.getByRole('button', { name: 'Send random' }).click()
    await state(page, 'closed')

    const log = await logOf(page)
    t.match(log, [
      { direction: '· event', type: 'connect' },
      { direction: '· event', type: 'open', content: 'Subprotocol: parley.v1. Extensions: none.' },
      { direction: '→ sent', type: 'text', size: '7 B', trip: '', content: 'Grüße' },
      { direction: '← received', type: 'text', size: '7 B', trip: / ms$/, content: 'Grüße' },
      { direction: '→ sent', type: 'binary', size: '4 B', content: 'de ad be ef' },
      {
        direction: '← received',
        type: 'binary',
        size: '4 B',
        trip: / ms$/,
        content: 'de ad be ef',
      },
      { direction: '→ sent', type: 'binary', size: '4 B', content: 'de ad be ef' },
      {
        direction: '← received',
        type: 'binary',
        size: '4 B',
        trip: / ms$/,
        content: 'de ad be ef',
      },
      { direction: '→ sent', type: 'binary', size: '68.4 KiB' },
      { direction: '← received', type: 'close', content: /^1009/ },
    ])
    for (const { time } of log) t.match(time, /^\d\d:\d\d:\d\d[.,]\d{3}$/)
  })

  t.test('closes with the code and reason that were asked for', async (t) => {
    const page = await open(t)
    await connect(page)
    await page.getByLabel('Code').fill('2000')
    await page.getByRole('button', { name: 'Close socket' }).click()
    await page.getByText('The code must be 1000 or 3000–4999').waitFor()
    await page.getByLabel('Code').fill('4321')
    await page.getByLabel('Reason').fill('that will do')
    await page.getByRole('button', { name: 'Close socket' }).click()
    await state(page, 'closed')
    t.match((await logOf(page)).slice(-2), [
      { direction: '→ sent', type: 'close', content: '4321 that will do' },
      { direction: '← received', type: 'close', content: '4321 that will do' },
    ])
  })

  t.test('offers subprotocols, and a guest’s token beside them', async (t) => {
    const page = await open(t)
    await page.getByLabel('Address').fill(`${server.url.replace('http', 'ws')}/chat`)
    await page.getByLabel('Subprotocols').fill('something, parley.v1')
    await page.getByRole('button', { name: 'Get a guest’s' }).click()
    await page.locator('#token:not(:placeholder-shown)').waitFor()
    await connect(page)
    await page.getByText('Subprotocol: parley.v1.').waitFor()
    await page.getByText('"event":"welcome"').waitFor()
    t.notMatch(await logOf(page), [{ content: /bearer/ }])
  })

  t.test('tells what it was not able to do', async (t) => {
    const page = await open(t)
    const connectTo = async (address: string, problem: string) => {
      await page.getByLabel('Address').fill(address)
      await page.getByRole('button', { name: 'Connect' }).click()
      await page.locator('.log-error').getByText(problem).last().waitFor()
      await state(page, 'closed')
    }
    await connectTo('nonsense://', 'scheme')
    await page.getByLabel('Get one when this service asks for it').uncheck()
    await connectTo(`${server.url.replace('http', 'ws')}/ws`, 'The connection failed')
    await page.getByLabel('Get one when this service asks for it').check()
    await connect(page)
    await page.getByLabel('Hex').check()
    await page.getByRole('textbox', { name: 'Message' }).fill('xyz')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.getByText('Hex is pairs of the digits').waitFor()
  })

  t.test('filters, exports and clears the log', async (t) => {
    const page = await open(t)
    await connect(page)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await lines(page, 4)
    await page.getByLabel('Which entries').selectOption('Received')
    await lines(page, 1)
    await page.getByLabel('Filter by content').fill('nothing like it')
    await page.getByText('No entry matches the filter.').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const exported = JSON.parse(await readFile(await (await download).path(), 'utf8'))
    t.match(exported, [
      { type: 'connect' },
      { type: 'open' },
      { direction: 'out', type: 'text', size: 24, content: 'Hello, is anybody there?' },
      { direction: 'in', type: 'text', size: 24, roundTrip: Number },
    ])
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('Nothing yet.').waitFor()
  })
})

const state = (page: Page, name: string) =>
  page.locator(`.echo-bar .pill[data-state="${name}"]`).waitFor()

/** Waits until the log shows so many lines. */
const lines = (page: Page, count: number) =>
  page
    .locator('.log-line')
    .nth(count - 1)
    .waitFor()

/** What the log shows. */
const logOf = (page: Page) =>
  page.locator('.log-line').evaluateAll((all) =>
    all.map((line) => {
      const part = (name: string) => line.querySelector(name)?.textContent ?? ''
      return {
        time: part('time'),
        direction: part('.log-direction'),
        type: part('.log-type'),
        size: part('.log-size'),
        trip: part('.log-trip'),
        content: part('.log-content'),
      }
    }),
  )
