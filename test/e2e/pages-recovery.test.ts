import t, { type Test } from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { claimsOf } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { type ChatPage, openChat } from './chat-page.js'

const ROOM = '8888'

/** Messages that each of two people sends in one go. */
const BURST = 100

t.test('the chat page', { skip: chromiumMissing, timeout: 220_000 }, async (t) => {
  const browser = await launchChromium(t)

  async function twoIn(t: Test, server: ServerProcess): Promise<[ChatPage, ChatPage]> {
    const [ann, bo] = [await openChat(t, browser), await openChat(t, browser)]
    await ann.enter(server.url, 'Ann', ROOM)
    await bo.enter(server.url, 'Bo', ROOM)
    return [ann, bo]
  }

  t.test('recovers when the server is killed in the middle of a burst', async (t) => {
    const server = await startServer(t)
    const [ann, bo] = await twoIn(t, server)
    const burst = Promise.all([sendBurst(ann, 'ann'), sendBurst(bo, 'bo')])
    await bo.line('ann 30').waitFor()
    await server.kill()
    await Promise.all([ann.waitFor('reconnecting'), bo.waitFor('reconnecting')])
    await server.restart()
    await burst
    await Promise.all([ann.waitFor('connected'), bo.waitFor('connected')])
    await Promise.all([ann.settled(), bo.settled()])
    await ann.line(`bo ${BURST}`).waitFor()
    await bo.line(`ann ${BURST}`).waitFor()

    const seen = await ann.lines()
    t.same(await bo.lines(), seen, 'both see the same messages in the same order')
    t.same(
      seen.map(({ offset }) => offset),
      numbers(2 * BURST),
      'without a hole',
    )
    for (const name of ['ann', 'bo']) {
      const texts = seen.map(({ text }) => text).filter((text) => text.startsWith(name))
      t.same(
        texts,
        numbers(BURST).map((i) => `${name} ${i}`),
        `each of ${name} once, in order`,
      )
    }
    t.same([...ann.complaints, ...bo.complaints], [])
  })

  t.test('keeps what is written while the server is away, also over a reload', async (t) => {
    const server = await startServer(t)
    const [ann, bo] = await twoIn(t, server)
    await server.kill()
    await ann.waitFor('reconnecting')
    await ann.say(ROOM, 'first')
    await ann.say(ROOM, 'second')
    await ann.page.getByText('Waits for the connection').first().waitFor()
    await ann.page.getByText('The server does not answer.').waitFor()
    await ann.page.goto('about:blank')
    const reconnect = bo.page.getByRole('button', { name: 'Reconnect now' })
    await reconnect.waitFor()
    await server.restart()
    await ann.page.goto(`${server.url}/#/room/${ROOM}`)
    await ann.line('second').waitFor()
    // Bo may have come back without it by now: the button is pressed if it is still there.
    await reconnect.evaluateAll((buttons: { click?(): void }[]) => buttons[0]?.click?.())
    await bo.line('second').waitFor()
    t.same(
      (await bo.lines()).map(({ text }) => text),
      ['first', 'second'],
    )
    t.equal(await ann.page.locator('.line.own').count(), 2)
  })

  t.test('goes on by itself when the device is online again', async (t) => {
    // Chromium cuts a device off without closing its sockets: only the silence tells.
    const server = await startServer(t, { HEARTBEAT_SECONDS: '2' })
    const [ann, bo] = await twoIn(t, server)
    await ann.context.setOffline(true)
    await ann.waitFor('reconnecting')
    await ann.page.getByText('This device is offline.').waitFor()
    await bo.say(ROOM, 'from Bo')
    await ann.say(ROOM, 'from Ann')
    await bo.line('from Bo').waitFor()
    await ann.context.setOffline(false)
    await ann.waitFor('connected')
    await bo.line('from Ann').waitFor()
    await ann.line('from Ann').waitFor()
    t.same(await ann.lines(), await bo.lines())
    t.same(
      (await bo.lines()).map(({ text }) => text),
      ['from Bo', 'from Ann'],
    )
  })

  t.test('renews a token that expires, unseen', async (t) => {
    const server = await startServer(t, { GUEST_TOKEN_SECONDS: '5' })
    const ann = await openChat(t, browser)
    const passes: { token: string; user: string; expires: number }[] = []
    ann.page.on('response', async (response) => {
      if (response.url().endsWith('/guests')) passes.push(await response.json())
    })
    await ann.enter(server.url, 'Ann', ROOM)
    await ann.say(ROOM, 'before')
    await ann.line('before').waitFor()
    const states = await ann.watchStates()
    while (passes.length < 4) await ann.page.waitForResponse(/\/guests$/)
    await ann.say(ROOM, 'after')
    await ann.line('after').waitFor()

    t.ok(Date.now() > (passes[0]?.expires ?? Number.NaN), 'the first token has expired')
    t.equal(new Set(passes.map(({ token }) => claimsOf(token).sub)).size, 1, 'of the same user')
    t.same(await states(), [], 'the connection was there all the time')
    t.equal(await ann.page.locator('.line.own').count(), 2)
    t.same(ann.complaints, [])
  })
})

async function sendBurst(page: ChatPage, name: string): Promise<void> {
  await page.composer(ROOM).focus()
  for (let i = 1; i <= BURST; i++) {
    await page.page.keyboard.insertText(`${name} ${i}`)
    await page.page.keyboard.press('Enter')
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
