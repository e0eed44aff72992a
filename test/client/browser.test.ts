import { readFile } from 'node:fs/promises'
import type { BrowserContext, JSHandle, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { type Driver, type DriverOptions, judge } from './support/driver.js'

/** The compiled files, which browsers load as modules, just as they are. */
const BUILD = new URL('../../', import.meta.url)

t.setTimeout(230_000)

const ENV = { JWT_SECRET }

/** Serves an empty page and the compiled client from the server's own origin, server or not. */
async function provide(context: BrowserContext, server: ServerProcess): Promise<void> {
  await context.route(`${server.url}/lib/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice('/lib/'.length)
    if (path === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
    const body = await readFile(new URL(path, BUILD), 'utf8')
    return route.fulfill({ contentType: 'text/javascript', body })
  })
}

/** A driver that runs in a page. */
async function driveIn(
  page: Page,
  server: ServerProcess,
  user: string,
  options: Partial<DriverOptions> = {},
): Promise<JSHandle<Driver>> {
  await page.goto(`${server.url}/lib/`)
  const all = { url: '/chat', token: signToken({ sub: user }, 600), ...options }
  return page.evaluateHandle(async (given) => {
    const path = '/lib/test/client/support/driver.js'
    const module: typeof import('./support/driver.js') = await import(path)
    return new module.Driver(given)
  }, all as DriverOptions)
}

const linesOf = (driver: JSHandle<Driver>) => driver.evaluate(({ lines }) => [...lines])

t.test('the client in Chromium', { skip: chromiumMissing, timeout: 220_000 }, async (t) => {
  const browser = await launchChromium(t)

  async function newContext(t: Test, server: ServerProcess): Promise<BrowserContext> {
    // A page that Playwright serves has no address: only with this may it talk to loopback.
    const context = await browser.newContext({ permissions: ['local-network-access'] })
    t.teardown(() => context.close())
    await provide(context, server)
    return context
  }

  t.test('goes through a kill of the server and a reload in the middle of a burst', async (t) => {
    const server = await startServer(t, ENV)
    const context = await newContext(t, server)
    const [annPage, benPage] = [await context.newPage(), await context.newPage()]
    const outbox = { outbox: 'out:ann' }
    const ann = await driveIn(annPage, server, 'ann', outbox)
    const ben = await driveIn(benPage, server, 'ben')
    for (const driver of [ann, ben]) await driver.evaluate((it) => it.join())
    await ann.evaluate((it) => void it.burst('a', 100))
    const bursts = ben.evaluate((it) => it.burst('b', 100))
    await ben.evaluate((it) => it.until(40))
    await server.kill()
    const reloaded = await driveIn(annPage, server, 'ann', outbox)
    await server.restart()
    await reloaded.evaluate((it) => it.join(1000))
    await bursts
    await Promise.all([reloaded, ben].map((driver) => driver.evaluate((it) => it.until(200))))
    const seen = await linesOf(ben)
    t.same(judge(seen, ['a', 'b'], 100), [])
    t.same(await linesOf(reloaded), seen)
    t.same(await reloaded.evaluate(({ errors }) => errors), [])
  })

  t.test(
    'tabs that share an outbox do not take each other’s messages, but those of a dead one',
    async (t) => {
      const server = await startServer(t, ENV)
      const context = await newContext(t, server)
      const pages = [await context.newPage(), await context.newPage(), await context.newPage()]
      const [first, second, third] = pages as [Page, Page, Page]
      const outbox = { outbox: 'out:ann' }
      const dying = await driveIn(first, server, 'ann', outbox)
      await dying.evaluate((it) => it.join())
      await server.kill()
      await dying.evaluate((it) => it.reaches('reconnecting'))
      await dying.evaluate((it) => void it.burst('a', 3))

      const living = await driveIn(second, server, 'ann', outbox)
      await living.evaluate((it) => void it.join(100))
      await living.evaluate((it) => void it.burst('b', 3))
      await first.close()
      const heir = await driveIn(third, server, 'ann', outbox)
      await heir.evaluate((it) => void it.join())
      await heir.evaluate((it) => void it.burst('c', 3))
      await server.restart()
      for (const driver of [living, heir]) await driver.evaluate((it) => it.reaches('connected'))
      await living.evaluate((it) => it.until(9))
      t.same(judge(await linesOf(living), ['a', 'b', 'c'], 3), [])
      const waiting = () =>
        living.evaluate(() => {
          const { localStorage } = globalThis as unknown as { localStorage: Record<string, string> }
          return Object.values(localStorage).join()
        })
      while (!/^(\[\],?)*$/.test(await waiting())) await living.evaluate((it) => it.room.history())
      t.pass('nothing is left in the store')
    },
  )

  t.test('works in a worker', async (t) => {
    const server = await startServer(t, ENV)
    const page = await (await newContext(t, server)).newPage()
    await page.goto(`${server.url}/lib/`)
    const result = await page.evaluate(
      async ([url, token]) => {
        const code = `
          import { Driver } from '${url}/lib/test/client/support/driver.js'
          const driver = new Driver({ url: '${url}/chat', token: '${token}' })
          await driver.join()
          postMessage(await driver.burst('w', 3))
        `
        const { Blob, URL, Worker } = globalThis as unknown as {
          Blob: typeof globalThis.Blob
          URL: typeof globalThis.URL
          Worker: new (
            url: string,
            options: object,
          ) => {
            onmessage: (event: { data: number[] }) => void
          }
        }
        const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
        const worker = new Worker(address, { type: 'module' })
        return new Promise<number[]>((resolve) => {
          worker.onmessage = ({ data }) => resolve(data)
        })
      },
      [server.url, signToken({ sub: 'ann' }, 600)] as const,
    )
    t.same(result, [1, 2, 3])
  })

  t.test('comes back at once when the browser does', async (t) => {
    const server = await startServer(t, ENV)
    const context = await newContext(t, server)
    const page = await context.newPage()
    const ann = await driveIn(page, server, 'ann', { backoff: { base: 1e6, cap: 1e6 } })
    await ann.evaluate((it) => it.join())
    await server.kill()
    await ann.evaluate((it) => it.reaches('reconnecting'))
    await context.setOffline(true)
    await server.restart()
    await context.setOffline(false)
    await ann.evaluate((it) => it.reaches('connected'))
    t.same(await ann.evaluate((it) => it.burst('a', 3)), [1, 2, 3])
  })
})
