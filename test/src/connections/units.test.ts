import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { ClientErrors } from '../../../src/connections/client-errors.js'
import {
  encodeTextFrames,
  frameLength,
  Opcode,
  writeFrame,
} from '../../../src/connections/frame.js'
import { RateLimit } from '../../../src/connections/rate-limit.js'

/** ws' own reader of frames; its types do not list it. */
const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: object) => Writable
}

t.test('frames are what the WebSocket standard says, whatever the length', async (t) => {
  const golden: [text: string, hex: string][] = [
    ['', '8100'],
    ['Hello', '810548656c6c6f'],
    ['ß', '8102c39f'],
  ]
  for (const [text, hex] of golden) t.equal(encodeTextFrames([text]).toString('hex'), hex)
  t.equal(encodeTextFrames(['a', 'b']).toString('hex'), '810161810162')
  t.equal(
    encodeTextFrames(['x'.repeat(126)])
      .subarray(0, 4)
      .toString('hex'),
    '817e007e',
  )
  t.equal(
    encodeTextFrames(['x'.repeat(65_535)])
      .subarray(0, 4)
      .toString('hex'),
    '817effff',
  )
  t.equal(
    encodeTextFrames(['x'.repeat(65_536)])
      .subarray(0, 10)
      .toString('hex'),
    '817f0000000000010000',
  )
  const frame = Buffer.alloc(frameLength(2))
  t.equal(writeFrame(frame, 0, Opcode.binary, Buffer.from([0, 1, 2, 3]), 1, 3), frame.length)
  t.equal(frame.toString('hex'), '82020102')
})

t.test('what was joined in one buffer is read back as the same messages', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.string({ unit: 'grapheme', maxLength: 300 })),
    async (texts) => {
      const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true })
      const read: string[] = []
      receiver.on('message', (data: Buffer) => read.push(String(data)))
      receiver.write(encodeTextFrames(texts))
      await new Promise(setImmediate)
      t.same(read, texts)
    },
  )
  await fc.assert(property, { numRuns: 100 })
})

t.test('a rate limit lets a burst through, then the rate, and says how long to wait', async (t) => {
  const limit = new RateLimit(10, 3, 0)
  t.same(
    [0, 0, 0].map(() => limit.take(0)),
    [0, 0, 0],
  )
  t.equal(limit.take(0), 100)
  t.equal(limit.take(0), 200, 'who does not wait waits longer')
  t.equal(limit.take(300), 0, 'who waited is let in')
  t.equal(limit.flooded, false)
  for (let i = 0; i < 40; i++) limit.take(300)
  t.equal(limit.flooded, true)
  const unlimited = new RateLimit(0, 1, 0)
  for (let i = 0; i < 1000; i++) t.equal(unlimited.take(0), 0)
})

t.test('all that were refused and wait as told get in, at the rate', async (t) => {
  const gaps = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 100 })
  const late = fc.integer({ min: 0, max: 3 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 5 }), late, (gaps, weight, late) => {
      const limit = new RateLimit(50, 5, 0)
      let now = 0
      const due = gaps.map((gap) => (now += gap))
      const end = now + 1000 + (gaps.length * weight * 1000) / 50 + gaps.length * late
      for (now = 0; now <= end && due.length > 0; now++) {
        for (
          let i = due.findIndex((at) => at <= now);
          i >= 0;
          i = due.findIndex((at) => at <= now)
        ) {
          const wait = limit.take(now, weight)
          if (wait === 0) due.splice(i, 1)
          else due[i] = now + wait + late
        }
      }
      return due.length === 0
    }),
  )
  t.pass()
})

t.test('over any stretch no more than burst plus rate are let in', async (t) => {
  const gaps = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 200 })
  fc.assert(
    fc.property(gaps, (gaps) => {
      const limit = new RateLimit(20, 5, 0)
      let now = 0
      let allowed = 0
      for (const gap of gaps) {
        now += gap
        if (limit.take(now) === 0) allowed++
      }
      return allowed <= 5 + (now * 20) / 1000
    }),
  )
  t.pass()
})

t.test('connections that time out together are answered some at a time', async (t) => {
  const answered: string[] = []
  const errors = new ClientErrors((code) => answered.push(code))
  const written: string[] = []
  const socket = (destroyed: boolean) =>
    ({
      destroyed,
      writable: true,
      write: (text: string) => written.push(text),
      destroy() {},
    }) as never
  for (let n = 0; n < 1000; n++) {
    errors.refuse(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket(n === 7))
  }
  errors.refuse(Object.assign(new Error(), { code: 'ECONNRESET' }), socket(false))
  t.equal(answered.length, 0)
  let turns = 0
  for (let before = -1; answered.length > before; turns++) {
    before = answered.length
    await new Promise(setImmediate)
    t.ok(answered.length - before <= 21)
  }
  t.ok(turns > 40, `${turns} turns`)
  t.equal(answered.length, 999, 'all but the one that is gone')
  t.match(written[0], /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*Connection: close\r\n\r\n\{/)
  errors.refuse(new Error('Parse Error'), socket(false))
  await new Promise(setImmediate)
  t.equal(answered.at(-1), 'BAD_HTTP', 'the queue begins anew')
})
