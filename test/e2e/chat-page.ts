import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import type { Test } from 'tap'

/** A line of a transcript, as a reader sees it. */
export interface Line {
  readonly offset: number
  readonly text: string
}

type ObserverClass = new (
  changed: () => void,
) => { observe(node: unknown, options: { attributes: true }): void }

/** The chat page in a browser context of its own: another person at another computer. */
export class ChatPage {
  readonly page: Page
  /** What the page complained about: errors of scripts and of the Content-Security-Policy. */
  readonly complaints: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      // A server that is away is no complaint: Chromium logs each request that fails.
      const network = /net::ERR_|Failed to load resource|Unexpected response code/.test(
        message.text(),
      )
      if (message.type() === 'error' && !network) this.complaints.push(message.text())
    })
  }

  get context(): BrowserContext {
    return this.page.context()
  }

  get state(): Locator {
    return this.page.locator('.bar .pill')
  }

  get people(): Locator {
    return this.page.locator('aside .person')
  }

  get pending(): Locator {
    return this.page.locator('.line.pending, .line.sending, .line.failed')
  }

  get scroller(): Locator {
    return this.page.getByRole('log')
  }

  /** Opens a room's address, says who one is, and waits for the connection. */
  async enter(url: string, nick: string, room: string): Promise<void> {
    await this.page.goto(`${url}/#/room/${encodeURIComponent(room)}`)
    await this.page.getByLabel('Your name').fill(nick)
    await this.page.getByRole('button', { name: 'Enter', exact: true }).click()
    await this.waitFor('connected')
    await this.composer(room).waitFor()
  }

  /** Enters with a token, and waits for the connection. */
  async enterWithToken(url: string, token: string): Promise<void> {
    await this.offerToken(url, token)
    await this.waitFor('connected')
  }

  async offerToken(url: string, token: string): Promise<void> {
    await this.page.goto(`${url}/`)
    await this.page.getByText('I was given a token').click()
    await this.page.getByLabel('Token', { exact: true }).fill(token)
    await this.page.getByRole('button', { name: 'Enter with this token' }).click()
  }

  /** Goes to a room by its address, without loading the page again. */
  async goTo(room: string): Promise<void> {
    const url = new URL(this.page.url())
    url.hash = `#/room/${encodeURIComponent(room)}`
    await this.page.goto(url.href)
    await this.composer(room).waitFor()
  }

  composer(room: string): Locator {
    return this.page.getByRole('textbox', { name: `Message to ${room}` })
  }

  async say(room: string, text: string): Promise<void> {
    await this.composer(room).fill(text)
    await this.composer(room).press('Enter')
  }

  /** The line with exactly this text, stored. */
  line(text: string): Locator {
    return this.page
      .locator('.line[data-line]')
      .filter({ has: this.page.getByText(text, { exact: true }) })
  }

  /** All stored lines. */
  lines(): Promise<Line[]> {
    return this.page.locator('.line[data-line]').evaluateAll((elements) =>
      elements.map((element) => ({
        offset: Number(element.getAttribute('data-line')),
        text: element.querySelector('.text')?.textContent ?? '',
      })),
    )
  }

  /**
   * Scrolls near the top, so that a page of history comes in above, and tells how far that moved
   * the text that was in view, in pixels; not a number when none comes.
   */
  moveOfTextOnHistory(): Promise<number> {
    return this.scroller.evaluate(async (scroller) => {
      const lines = () => [...scroller.querySelectorAll('[data-line]')]
      const first = lines()[0]
      scroller.scrollTop = 300
      const edge = scroller.getBoundingClientRect().top
      const seen = lines().find((line) => line.getBoundingClientRect().top >= edge)
      const before = seen?.getBoundingClientRect().top ?? Number.NaN
      await new Promise<void>((resolve) => {
        const look = (times: number) =>
          lines()[0] === first && times > 0 ? setTimeout(look, 5, times - 1) : resolve()
        look(4000)
      })
      if (lines()[0] === first) return Number.NaN
      return (seen?.getBoundingClientRect().top ?? Number.NaN) - before
    })
  }

  /** Waits for a state of the connection: `connected`, `reconnecting` … */
  async waitFor(state: string): Promise<void> {
    await this.page.locator(`.bar .pill[data-state="${state}"]`).waitFor({ timeout: 60_000 })
  }

  /** Watches the connection's state from now on. What is returned tells the states it changed to. */
  async watchStates(): Promise<() => Promise<string[]>> {
    const changes = await this.state.evaluateHandle((pill) => {
      const states: string[] = []
      const Observer = (globalThis as unknown as { MutationObserver: ObserverClass })
        .MutationObserver
      new Observer(() => states.push(pill.getAttribute('data-state') ?? '')).observe(pill, {
        attributes: true,
      })
      return states
    })
    return () => changes.jsonValue()
  }

  /** Waits until nothing waits to be sent. */
  async settled(): Promise<void> {
    await this.pending.first().waitFor({ state: 'detached', timeout: 60_000 })
  }
}

/** Opens the chat page for one person; gone at the test's end. */
export async function openChat(
  t: Test,
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<ChatPage> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  return new ChatPage(await context.newPage())
}
