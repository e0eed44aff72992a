import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  addLive,
  addNewer,
  addOlder,
  EMPTY_WINDOW,
  type HistoryPage,
  type MessageWindow,
  newest,
  type RoomMessage,
  WINDOW_LIMIT,
} from '../../web/model/message-window.js'

const message = (offset: number, epoch = 'e'): RoomMessage => ({
  offset,
  epoch,
  id: `m${offset}`,
  user: 'ann',
  nick: 'Ann',
  msg: 'hello',
  time: offset * 1000,
})

const run = (first: number, last: number) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => message(first + i))

/** What a server with a log of this length answers. */
function page(length: number, query: { before?: number; after?: number }, limit = 50): HistoryPage {
  if (query.after !== undefined) {
    const last = Math.min(length, query.after + limit)
    return { epoch: 'e', messages: run(query.after + 1, last), more: last < length }
  }
  const last = Math.min(length, (query.before ?? length + 1) - 1)
  const first = Math.max(1, last - limit + 1)
  return { epoch: 'e', messages: run(first, last), more: first > 1 }
}

const offsets = ({ messages }: MessageWindow) => messages.map(({ offset }) => offset)

/** A log that grows, and a reader who pages through it in any way. */
class Reading {
  length = 0
  window = EMPTY_WINDOW

  step(action: 'send' | 'burst' | 'older' | 'newer' | 'end', atEnd: boolean): void {
    const { messages } = this.window
    if (action === 'send') this.#send(atEnd)
    else if (action === 'burst') for (let i = 0; i < 250; i++) this.#send(atEnd)
    else if (action === 'end') this.window = newest(page(this.length, {}))
    else if (action === 'older' && this.window.older) {
      this.window = addOlder(this.window, page(this.length, { before: messages[0]?.offset ?? 0 }))
    } else if (action === 'newer' && this.window.newer) {
      this.window = addNewer(
        this.window,
        page(this.length, { after: messages.at(-1)?.offset ?? 0 }),
      )
    }
  }

  #send(atEnd: boolean): void {
    this.length++
    this.window = addLive(this.window, message(this.length), atEnd)
  }
}

t.test('is always a run of the log without hole or repeat, and never too long', (t) => {
  const action = fc.constantFrom('send', 'burst', 'older', 'newer', 'end' as const)
  fc.assert(
    fc.property(fc.array(fc.tuple(action, fc.boolean()), { maxLength: 60 }), (steps) => {
      const reading = new Reading()
      for (const [what, atEnd] of steps) {
        reading.step(what as 'send', atEnd)
        const { window, length } = reading
        const held = offsets(window)
        const [first = 1] = held
        const last = held.at(-1) ?? 0
        assert.deepEqual(held, offsets({ ...window, messages: run(first, last) }))
        assert.ok(held.length <= WINDOW_LIMIT)
        assert.equal(window.older, first > 1)
        if (!window.newer) assert.equal(last, length)
      }
    }),
    { numRuns: 60 },
  )
  t.end()
})

t.test('a reader at the end loses the oldest messages', (t) => {
  let window = newest({ epoch: 'e', messages: run(1, WINDOW_LIMIT), more: false })
  window = addLive(window, message(WINDOW_LIMIT + 1), true)
  t.equal(window.messages.at(-1)?.offset, WINDOW_LIMIT + 1)
  t.match(window, { older: true, newer: false })
  t.end()
})

t.test('a reader further up keeps what is in view, and is told that there is more', (t) => {
  let window = newest({ epoch: 'e', messages: run(1, WINDOW_LIMIT), more: false })
  window = addLive(window, message(WINDOW_LIMIT + 1), false)
  t.equal(window.messages.at(-1)?.offset, WINDOW_LIMIT)
  t.match(window, { older: false, newer: true })
  t.end()
})

t.test('a message that was there already changes nothing', (t) => {
  const window = newest({ epoch: 'e', messages: run(1, 3), more: false })
  t.equal(addLive(window, message(2), true), window)
  t.end()
})

t.test('a message that does not follow, or is of another epoch, begins anew', (t) => {
  const window = newest({ epoch: 'e', messages: run(1, 3), more: false })
  t.same(offsets(addLive(window, message(7), true)), [7])
  t.same(offsets(addLive(window, message(1, 'f'), true)), [1])
  t.match(addLive(window, message(7), true), { older: true })
  t.match(addLive(window, message(1, 'f'), true), { older: false })
  t.end()
})

t.test('a page of another epoch is not mixed in', (t) => {
  const window = { messages: run(5, 6), older: true, newer: true }
  t.equal(addOlder(window, { epoch: 'f', messages: run(3, 4), more: false }), window)
  t.equal(addNewer(window, { epoch: 'f', messages: run(7, 8), more: false }), window)
  t.end()
})

t.test('the newest page is not the end when a newer message is known of', (t) => {
  const page = { epoch: 'e', messages: run(1, 3), more: false }
  t.match(newest(page, 4), { newer: true })
  t.match(newest(page, 3), { newer: false })
  t.end()
})
