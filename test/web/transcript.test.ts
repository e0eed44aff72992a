import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { RoomMessage } from '../../web/model/message-window.js'
import { type Notice, note } from '../../web/model/notices.js'
import { hashOfRoom, roomInHash } from '../../web/model/route.js'
import { type Row, rowsOf } from '../../web/model/rows.js'
import { isTypingSignal, noteTyping, stillTyping, TYPING_LASTS } from '../../web/model/typists.js'

const DAY = 86_400_000
const MINUTE = 60_000
const dayOf = (time: number) => Math.floor(time / DAY)

const ann = { user: 'ann', nick: 'Ann' }
const bo = { user: 'bo', nick: 'Bo' }

const message = (offset: number, time: number, author = ann): RoomMessage => ({
  offset,
  epoch: 'e',
  id: `m${offset}`,
  ...author,
  msg: 'hello',
  time,
})

const rows = (
  messages: readonly RoomMessage[],
  notices: readonly Notice[] = [],
  unreadFrom?: number,
) => rowsOf({ messages, notices, unreadFrom, dayOf })

/** Rows in short: `day`, `unread`, `notice`, `Ann:1` for a message that opens a group, `1` for others. */
const inShort = (list: readonly Row[]) =>
  list.map((row) => {
    if (row.kind !== 'message') return row.kind
    return row.opens ? `${row.message.nick}:${row.message.offset}` : `${row.message.offset}`
  })

t.test('messages of one author stand under one name for five minutes', (t) => {
  const list = [
    message(1, 0),
    message(2, MINUTE),
    message(3, 7 * MINUTE),
    message(4, 8 * MINUTE, bo),
  ]
  t.same(inShort(rows(list)), ['day', 'Ann:1', '2', 'Ann:3', 'Bo:4'])
  t.end()
})

t.test('a new nick of the same author opens a group', (t) => {
  const renamed = { user: 'ann', nick: 'Anna' }
  t.same(inShort(rows([message(1, 0), message(2, 1, renamed)])), ['day', 'Ann:1', 'Anna:2'])
  t.end()
})

t.test('each day has a divider, also when a notice stands before it', (t) => {
  const notices = [{ id: 1, after: 1, joined: [bo], left: [] }]
  const list = [message(1, DAY - 1), message(2, DAY), message(3, DAY + 1)]
  t.same(inShort(rows(list)), ['day', 'Ann:1', 'day', 'Ann:2', '3'])
  t.same(inShort(rows(list, notices)), ['day', 'Ann:1', 'notice', 'day', 'Ann:2', '3'])
  t.end()
})

t.test('the first unread message stands behind a divider and under a name', (t) => {
  const list = [message(1, 0), message(2, 1), message(3, 2)]
  t.same(inShort(rows(list, [], 2)), ['day', 'Ann:1', 'unread', 'Ann:2', '3'])
  t.end()
})

t.test('a notice of before the first message and one after the last are there', (t) => {
  const notices = [
    { id: 1, after: 4, joined: [bo], left: [] },
    { id: 2, after: 5, joined: [], left: [bo] },
  ]
  t.same(inShort(rows([message(5, 0)], notices)), ['notice', 'day', 'Ann:5', 'notice'])
  t.end()
})

t.test('every message has one row, in order, and every row a key of its own', (t) => {
  const authored = fc.tuple(fc.nat(3 * DAY), fc.constantFrom(ann, bo))
  fc.assert(
    fc.property(fc.array(authored), fc.nat(20), (given, unread) => {
      const times = given.map(([time]) => time).sort((a, b) => a - b)
      const list = given.map(([, author], i) => message(i + 1, times[i] as number, author))
      const all = rows(list, [], unread)
      const shown = all.flatMap((row) => (row.kind === 'message' ? row.message.offset : []))
      assert.deepEqual(
        shown,
        list.map(({ offset }) => offset),
      )
      assert.equal(new Set(all.map(({ key }) => key)).size, all.length)
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('who comes and goes between two messages is told in one notice', (t) => {
  let notices = note([], 'joined', ann, 1)
  notices = note(notices, 'joined', bo, 1)
  t.match(notices, [{ after: 1, joined: [ann, bo], left: [] }])
  notices = note(notices, 'left', ann, 2)
  t.match(notices, [{ after: 1 }, { after: 2, joined: [], left: [ann] }])
  t.end()
})

t.test('who left and came back between two messages is not told', (t) => {
  t.same(note(note([], 'left', ann, 1), 'joined', ann, 1), [])
  t.end()
})

t.test('notices are bounded, and so are the people in one', (t) => {
  let notices: readonly Notice[] = []
  for (let i = 0; i < 200; i++) notices = note(notices, 'joined', { user: `u${i}`, nick: 'x' }, 0)
  t.equal(notices[0]?.joined.length, 20)
  for (let i = 0; i < 200; i++) notices = note(notices, 'joined', ann, i)
  t.equal(notices.length, 50)
  t.end()
})

t.test('a writer is believed for a while, and no longer after a message', (t) => {
  const typists = noteTyping(noteTyping([], ann, true, 0), bo, true, 1000)
  t.same(
    stillTyping(typists, TYPING_LASTS).map(({ nick }) => nick),
    ['Bo'],
  )
  t.same(
    noteTyping(typists, bo, false, 2000).map(({ nick }) => nick),
    ['Ann'],
  )
  t.end()
})

t.test('a signal of another client is not taken for one about writing', (t) => {
  for (const msg of [null, 'typing', 1, {}, { typing: 'yes' }, []]) t.notOk(isTypingSignal(msg))
  t.ok(isTypingSignal({ typing: false }))
  t.end()
})

t.test('any name of a room survives the way through the address', (t) => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
      assert.equal(roomInHash(hashOfRoom(name)), name)
    }),
  )
  for (const hash of ['', '#/', '#/room/', '#/room/%E0%A4%A', '#/other']) {
    t.equal(roomInHash(hash), undefined)
  }
  t.end()
})
