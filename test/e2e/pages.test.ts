import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { chromiumMissing, launchChromium } from '../helpers/chromium.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { type ChatPage, openChat } from './chat-page.js'

t.test('the chat page', { skip: chromiumMissing, timeout: 220_000 }, async (t) => {
  let server: ServerProcess
  let browser: Browser
  let rooms = 0
  const newRoom = () => `room ${++rooms}`

  t.before(async () => {
    server = await startServer(t, { JWT_SECRET, RATE_LIMIT_REQUESTS: '0' })
    browser = await launchChromium(t)
  })

  /** Two people in a room. */
  async function twoIn(t: Test, room: string): Promise<[ChatPage, ChatPage]> {
    const [ann, bo] = [await openChat(t, browser), await openChat(t, browser)]
    await ann.enter(server.url, 'Ann', room)
    await bo.enter(server.url, 'Bo', room)
    await ann.people.getByText('Bo').waitFor()
    return [ann, bo]
  }

  t.test('lets two people talk, and shows who comes, writes and goes', async (t) => {
    const room = newRoom()
    const [ann, bo] = await twoIn(t, room)
    await ann.page.getByText('Bo joined').waitFor()
    await ann.composer(room).pressSequentially('Hel')
    await bo.page.getByText('Ann is writing').waitFor()
    await ann.say(room, 'Hello')
    await bo.line('Hello').waitFor()
    await ann.page.getByText('Sent', { exact: true }).waitFor()
    await bo.page.getByText('Ann is writing').waitFor({ state: 'detached' })
    await bo.say(room, 'Hello yourself')
    await ann.line('Hello yourself').waitFor()
    t.same(await ann.lines(), await bo.lines())
    t.same(await ann.people.allTextContents(), ['Ann', 'Bo'])
    await bo.page.getByRole('button', { name: 'Leave the room', exact: true }).click()
    await ann.page.getByText('Bo left').waitFor()
    t.same(await ann.people.allTextContents(), ['Ann'])
    await bo.goTo(room)
    await bo.line('Hello yourself').waitFor()
    t.same(await bo.lines(), await ann.lines(), 'who comes back sees what was said')
    t.same([...ann.complaints, ...bo.complaints], [])
  })

  t.test('shows as text whatever people write', async (t) => {
    const room = newRoom()
    const [ann, bo] = await twoIn(t, room)
    const evil = '<img src=x onerror=window.hurt=1><b>x</b>'
    await ann.say(room, evil)
    await bo.line(evil).waitFor()
    t.equal(await bo.page.locator('#app img, #app .text *').count(), 0)
    t.equal(await bo.page.evaluate('window.hurt'), undefined)
    t.same([...ann.complaints, ...bo.complaints], [])
  })

  t.test('counts what came while another room was open, and takes the reader there', async (t) => {
    const [room, other] = [newRoom(), newRoom()]
    const [ann, bo] = await twoIn(t, room)
    await ann.goTo(other)
    for (const text of ['one', 'two', 'three']) await bo.say(room, text)
    const link = ann.page.getByRole('link', { name: `${room} 3 unread messages` })
    await link.waitFor()
    t.equal(await ann.page.title(), `(3) ${other} · Parley`)
    await link.click()
    await ann.page.locator('.divider-unread').waitFor()
    await ann.line('three').waitFor()
    t.equal(await ann.page.title(), `${room} · Parley`)
    t.same([...ann.complaints, ...bo.complaints], [])
  })

  t.test('lists the rooms of the server, and joins the one that is chosen', async (t) => {
    const room = newRoom()
    const [ann, bo] = [await openChat(t, browser), await openChat(t, browser)]
    await ann.enter(server.url, 'Ann', room)
    await bo.enter(server.url, 'Bo', newRoom())
    await bo.page.getByRole('link', { name: `${room} 1 person` }).click()
    await bo.composer(room).waitFor()
    await ann.people.getByText('Bo').waitFor()
    await bo.page.goto(`${server.url}/#/`)
    await bo.page.getByRole('button', { name: 'Join room 8888' }).click()
    await bo.composer('8888').waitFor()
  })

  t.test('knows the reader and their rooms after a reload', async (t) => {
    const room = newRoom()
    const ann = await openChat(t, browser)
    await ann.enter(server.url, 'Ann', room)
    await ann.say(room, 'I was here')
    await ann.line('I was here').waitFor()
    await ann.page.goto(`${server.url}/#/`)
    await ann.page.reload()
    await ann.page.getByRole('link', { name: `${room} 1 person` }).click()
    await ann.line('I was here').waitFor()
    t.equal(await ann.page.locator('.line.own').count(), 1)
  })

  t.test('takes a new name into every room', async (t) => {
    const room = newRoom()
    const [ann, bo] = await twoIn(t, room)
    await ann.page.getByRole('button', { name: 'Ann. Change name' }).click()
    await ann.page.getByLabel('Change name').fill('Anna')
    await ann.page.getByRole('button', { name: 'Change', exact: true }).click()
    await bo.people.getByText('Anna').waitFor()
    await ann.say(room, 'It is me')
    await bo.line('It is me').waitFor()
    t.same(await bo.page.locator('.nick').allTextContents(), ['Anna'])
    t.same(await bo.people.allTextContents(), ['Bo', 'Anna'])
  })

  t.test('keeps the place while older messages come in above, and bounds the page', async (t) => {
    const room = newRoom()
    const ann = await openChat(t, browser)
    await seed(server, room, 660)
    await ann.enter(server.url, 'Ann', room)
    await ann.line('message 660').waitFor()
    for (let pages = 0; pages < 20 && (await ann.line('message 1').count()) === 0; pages++) {
      const moved = await ann.moveOfTextOnHistory()
      t.ok(Math.abs(moved) <= 1, `a page of history moves the text by ${moved} pixels`)
    }
    await ann.line('message 1').waitFor()
    t.ok((await ann.lines()).length <= 600, 'no more than 600 lines are kept')
    await ann.page.getByRole('button', { name: 'To the end' }).click()
    await ann.line('message 660').waitFor()
    await ann.page.getByRole('button', { name: 'To the end' }).waitFor({ state: 'detached' })
    t.same(ann.complaints, [])
  })

  t.test('takes a given token, and says what to do where it does not open a room', async (t) => {
    const [open, closed] = [newRoom(), newRoom()]
    const cy = await openChat(t, browser)
    await cy.enterWithToken(server.url, signToken({ sub: 'cy', name: 'Cy', rooms: [open] }))
    await cy.goTo(open)
    await cy.say(open, 'I may')
    await cy.line('I may').waitFor()
    await cy.page.goto(`${server.url}/#/room/${encodeURIComponent(closed)}`)
    await cy.page.getByRole('alert').getByText('Your token does not allow this').waitFor()
    t.same(cy.complaints, [])
  })

  t.test('says why a message was not sent, and keeps it until the reader decides', async (t) => {
    const room = newRoom()
    const rooms = { join: [room], send: [] }
    const cy = await openChat(t, browser)
    await cy.enterWithToken(server.url, signToken({ sub: 'cy', name: 'Cy', rooms }))
    await cy.goTo(room)
    await cy.say(room, 'may I?')
    const failure = cy.page.locator('.line.failed')
    await failure.getByText('Not sent: Your token does not allow this').waitFor()
    await failure.getByRole('button', { name: 'Send again' }).click()
    await failure.getByText('Not sent').waitFor()
    await failure.getByRole('button', { name: 'Discard' }).click()
    await failure.waitFor({ state: 'detached' })
    t.same(await cy.lines(), [])
  })

  t.test('says by how much a message is too long, and does not send it', async (t) => {
    const room = newRoom()
    const ann = await openChat(t, browser)
    await ann.enter(server.url, 'Ann', room)
    await ann.say(room, 'ü'.repeat(33_000))
    await ann.page.getByRole('alert').getByText('Too long by 978 B').waitFor()
    t.equal(await ann.pending.count(), 0)
    await ann.say(room, 'ü'.repeat(32_000))
    await ann.page.getByRole('button', { name: 'Show all of it' }).waitFor()
    await ann.settled()
    t.equal((await ann.lines()).length, 1)
  })

  t.test('does not let a token in that is not accepted', async (t) => {
    const cy = await openChat(t, browser)
    await cy.offerToken(server.url, signToken({ sub: 'cy' }, -60))
    await cy.page.getByRole('alert').getByText('Your token is not accepted').waitFor()
    await cy.page.getByLabel('Your name').waitFor()
  })

  t.test('asks who one is again when a given token has expired', async (t) => {
    const room = newRoom()
    const cy = await openChat(t, browser)
    await cy.enterWithToken(server.url, signToken({ sub: 'cy', name: 'Cy' }, 5))
    await cy.goTo(room)
    await cy.page.getByRole('alert').getByText('Your token is not accepted').waitFor()
    await cy.page.getByRole('button', { name: 'Enter again' }).click()
    await cy.page.getByLabel('Your name').waitFor()
  })
})

/** Puts messages into a room by REST: `message 1`, `message 2` … */
async function seed({ url }: ServerProcess, room: string, count: number): Promise<void> {
  const authorization = `Bearer ${signToken({ sub: 'backend', scope: 'publish' })}`
  for (let i = 1; i <= count; i++) {
    const reply = await fetch(`${url}/rooms/${encodeURIComponent(room)}/messages`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ msg: `message ${i}` }),
    })
    if (!reply.ok) throw new Error(`message ${i} was refused: ${await reply.text()}`)
  }
}
