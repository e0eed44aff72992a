import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM, type ChaosClient, type ClientOptions, type ClientState } from './chaos-client.js'
import type { Recorder, Unstamped } from './recorder.js'
import { signToken } from './token.js'

const BUILD = new URL('../../', import.meta.url)
const PAGE = '<!doctype html><script type="module" src="/test/chaos/browser-page.js"></script>'

/** What the page offers to the test; see browser-page.ts. */
export interface PageApi {
  start(name: string, url: string): void
  join(room: string): void
  leave(room: string): void
  send(room: string, id: string, body: string): void
  state(): ClientState
  watchPresence(): void
}
declare global {
  var chaos: PageApi
}

/** Clients made with the library, each in a page of its own in one Chromium. */
export class BrowserClients {
  readonly #recorder: Recorder
  #browser: Browser | undefined
  #server: Server | undefined

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  async open(options: ClientOptions): Promise<ChaosClient> {
    this.#browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    this.#server ??= await servePages()
    const page = await this.#browser.newPage()
    await page.exposeBinding('record', (_source, event: Unstamped) => this.#recorder.record(event))
    const { user, tokenSeconds, name, recorder } = options
    await page.exposeBinding('getToken', () => signToken(user, tokenSeconds))
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`)
    await page.waitForFunction(() => 'chaos' in globalThis)
    recorder.record({ type: 'client', client: name, user, ordered: true, presence: true })
    await page.evaluate(([name, url]) => chaos.start(name, url), [name, options.url] as const)
    return new BrowserClient(options, page)
  }

  async close(): Promise<void> {
    this.#server?.close()
    await this.#browser?.close()
  }
}

class BrowserClient implements ChaosClient {
  readonly name: string
  readonly rooms = new Set<string>()
  readonly #options: ClientOptions
  readonly #page: Page
  #count = 0
  /** Orders reach the page one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ClientOptions, page: Page) {
    this.name = options.name
    this.#options = options
    this.#page = page
  }

  join(room: string): void {
    if (this.rooms.has(room)) return
    this.rooms.add(room)
    this.#tell(() => this.#page.evaluate((room) => chaos.join(room), room))
  }

  leave(room: string): void {
    if (!this.rooms.delete(room)) return
    this.#tell(() => this.#page.evaluate((room) => chaos.leave(room), room))
  }

  send(room: string, body: string): void {
    const id = `${this.name}-${this.#count++}`
    // Recorded here, before the page can send it, so that it is never recorded too late.
    this.#options.recorder.record({ type: 'send', client: this.name, room, id, body })
    const what = [room, id, body] as const
    this.#tell(() => this.#page.evaluate(([room, id, body]) => chaos.send(room, id, body), what))
  }

  misbehave(): void {
    const offline = this.#page.context()
    const ms = this.#options.random.between(100, 2000)
    this.#tell(() => offline.setOffline(true))
    setTimeout(() => this.#tell(() => offline.setOffline(false)), ms)
  }

  async state(): Promise<ClientState> {
    await this.#last
    return this.#page.evaluate(() => chaos.state())
  }

  watchPresence(): void {
    this.#tell(() => this.#page.context().setOffline(false))
    this.#tell(() => this.#page.evaluate(() => chaos.watchPresence()))
  }

  async close(): Promise<void> {
    await this.#last
    await this.#page.close()
    this.#options.recorder.record({ type: 'stop', client: this.name })
  }

  #tell(order: () => Promise<unknown>): void {
    this.#last = this.#last.then(order).catch((error) => {
      const text = `page: ${error}`
      this.#options.recorder.record({ type: 'note', client: this.name, text })
    })
  }
}

/** Serves the compiled library as the modules that they are. */
async function servePages(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    if (path === '/') {
      response.setHeader('content-type', 'text/html').end(PAGE)
      return
    }
    try {
      const file = await readFile(new URL(`.${path}`, BUILD))
      response.setHeader('content-type', 'text/javascript').end(file)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
