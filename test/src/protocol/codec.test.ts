import fc from 'fast-check'
import t from 'tap'
import { decodeAction, Malformed } from '../../../src/protocol/codec.js'
import { encodeOk, encodeSent } from '../../../src/protocol/encode.js'
import { splitSendText } from '../../../src/protocol/send-text.js'

const name = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aZ0-_.:~!#[]'), minLength: 1, maxLength: 64 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.constantFrom('', ' a', '"', '\\', 'a"b', '\u202e', '\ud800'),
)
const msg = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('\n', 'a\tb', '\u2028', '__proto__'),
)

t.test('the usual form of a message is read as its JSON would be', async (t) => {
  let short = 0
  const property = fc.property(name, name, msg, (id, room, payload) => {
    const usual = JSON.stringify({ action: 'send_to_room', id, room, msg: payload })
    const otherwise = JSON.stringify({ room, msg: payload, id, action: 'send_to_room' })
    if (splitSendText(usual) !== undefined) short++
    t.strictSame(decodeAction(usual), decodeAction(otherwise))
  })
  fc.assert(property, { numRuns: 1000 })
  t.ok(short > 100, 'the short way is taken')
})

t.test('a text that only looks like the usual form is judged as JSON', async (t) => {
  const head = '{"action":"send_to_room","id":"a","room":"b","msg":'
  const cases: [tail: string, expected: object | string][] = [
    ['1,"extra":2}', { action: 'send_to_room', id: 'a', room: 'b', msg: '1', extra: 2 }],
    ['1,"id":"c"}', { action: 'send_to_room', id: 'c', room: 'b', msg: '1' }],
    ['1,"action":"ping"}', { action: 'ping', id: 'a', room: 'b', msg: '1' }],
    ['{"a":1}} ', { action: 'send_to_room', id: 'a', room: 'b', msg: '{"a":1}' }],
    ['{"a":\n1}}', { action: 'send_to_room', id: 'a', room: 'b', msg: '{"a":1}' }],
    ['{"a":1e999,"a":1}}', { action: 'send_to_room', id: 'a', room: 'b', msg: '{"a":1}' }],
    ['{"a" :1e999,"a":1}}', { action: 'send_to_room', id: 'a', room: 'b', msg: '{"a":1}' }],
    ['[{"a":2,"\\u0061":1}]}', { action: 'send_to_room', id: 'a', room: 'b', msg: '[{"a":1}]' }],
    [
      `{"a":${'['.repeat(65)}${']'.repeat(65)},"a":":"}}`,
      { action: 'send_to_room', id: 'a', room: 'b', msg: '{"a":":"}' },
    ],
    ['1', 'BAD_JSON'],
    ['}', 'BAD_JSON'],
    ['1}}', 'BAD_JSON'],
    ['undefined}', 'BAD_JSON'],
    ['1e999}', 'BAD_FIELD'],
    [`${'['.repeat(65)}${']'.repeat(65)}}`, 'BAD_FIELD'],
  ]
  for (const [tail, expected] of cases) {
    const action = decodeAction(head + tail)
    const got = action instanceof Malformed ? action.code : { ...action }
    t.strictSame(got, expected, tail.slice(0, 30))
  }
})

t.test('the answer to a message is what any answer would be', async (t) => {
  for (const duplicate of [undefined, true] as const) {
    const result = {
      room: 'r"oom',
      offset: 7,
      epoch: 'e\\',
      time: 5,
      ...(duplicate && { duplicate }),
    }
    t.equal(encodeSent('i"d', 'r"oom', result), encodeOk('i"d', result))
  }
})
