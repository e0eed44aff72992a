import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { parseBytes, randomBytes, toHex } from '../../web/model/bytes.js'
import {
  addEntry,
  CONTENT_LIMIT,
  filterLog,
  LOG_LIMIT,
  type LogEntry,
} from '../../web/model/log.js'
import { RoundTrips } from '../../web/model/round-trips.js'

t.test('bytes that were written as hex or Base64 are read back', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(parseBytes(toHex(bytes, bytes.length), 'hex'), bytes)
      assert.deepEqual(parseBytes(Buffer.from(bytes).toString('base64'), 'base64'), bytes)
      assert.deepEqual(parseBytes(Buffer.from(bytes).toString('base64url'), 'base64'), bytes)
    }),
  )
  t.same(parseBytes(' 0xDE ad\nBE ef ', 'hex'), Uint8Array.of(0xde, 0xad, 0xbe, 0xef))
  t.end()
})

t.test('what is no bytes is refused', (t) => {
  for (const text of ['abc', '0g', 'de ad b']) t.equal(parseBytes(text, 'hex'), undefined)
  for (const text of ['*', 'a', 'ab=c']) t.equal(parseBytes(text, 'base64'), undefined)
  t.end()
})

t.test('random bytes come in any number, also in more than the platform gives at once', (t) => {
  t.equal(randomBytes(0).length, 0)
  const bytes = randomBytes(200_000)
  t.equal(bytes.length, 200_000)
  t.ok(bytes.subarray(-1000).some((byte) => byte !== 0))
  t.end()
})

t.test('the log is bounded in entries and in what it keeps of each', (t) => {
  let log: LogEntry[] = []
  for (let time = 0; time < LOG_LIMIT + 100; time++) {
    log = addEntry(log, { time, direction: 'out', type: 'text', content: 'x'.repeat(5000) })
  }
  t.equal(log.length, LOG_LIMIT)
  t.equal(log.at(-1)?.id, LOG_LIMIT + 100)
  t.match(log.at(-1), { cut: true })
  t.equal(log.at(-1)?.content.length, CONTENT_LIMIT)
  t.end()
})

t.test('the log is filtered by direction and by content in any case', (t) => {
  const entry = (direction: LogEntry['direction'], content: string) =>
    ({ time: 0, direction, type: 'text', content }) as const
  let log = addEntry([], entry('out', 'Hello'))
  log = addEntry(log, entry('in', 'hello'))
  log = addEntry(log, entry('in', 'bye'))
  const ids = (direction: LogEntry['direction'] | 'all', text: string) =>
    filterLog(log, { direction, text }).map(({ id }) => id)
  t.same(ids('all', ''), [1, 2, 3])
  t.same(ids('in', ''), [2, 3])
  t.same(ids('all', 'HELL'), [1, 2])
  t.same(ids('in', ' hell '), [2])
  t.end()
})

t.test('an echo is matched with its message, also when one before it got none', (t) => {
  const trips = new RoundTrips()
  trips.sent('a', 0)
  trips.sent('b', 1)
  trips.sent('a', 2)
  t.equal(trips.received('b', 5), 4)
  t.equal(trips.received('a', 7), 5)
  t.equal(trips.received('a', 8), undefined)
  t.end()
})

t.test('text and bytes of the same content are not each other’s echo', (t) => {
  const trips = new RoundTrips()
  trips.sent('A', 0)
  trips.sent(Uint8Array.of(65), 1)
  t.equal(trips.received(Uint8Array.of(65), 3), 2)
  t.end()
})
