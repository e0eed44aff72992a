import t from 'tap'
import { hashOf, hashOfId, IdFilter } from '../../../../src/broker/embedded/id-filter.js'
import { idKeyOf } from '../../../../src/broker/embedded/lmdb-codec.js'

const hashes = (count: number, user = 'ann') =>
  Array.from({ length: count }, (_, n) => hashOfId(7, user, `message ${n}`))

t.test('says "perhaps" to all that is in it and "no" to nearly all else', async (t) => {
  for (const capacity of [1, 1000, 100_000]) {
    const filter = new IdFilter(capacity)
    const known = hashes(capacity)
    for (const hash of known) filter.add(hash)
    t.ok(known.every((hash) => filter.mayHave(hash)))
    const wrong = hashes(20_000, 'bob').filter((hash) => filter.mayHave(hash)).length
    t.ok(wrong < 400, `${wrong} of 20,000 beside ${capacity}`)
  }
})

t.test('grows with what is added and forgets nothing', async (t) => {
  const filter = new IdFilter(4000, 100_000)
  const known = hashes(100_000)
  for (const hash of known) filter.add(hash)
  t.ok(known.every((hash) => filter.mayHave(hash)))
  const wrong = hashes(20_000, 'bob').filter((hash) => filter.mayHave(hash)).length
  t.ok(wrong < 600, `${wrong} of 20,000`)
})

t.test('holds more than it has room for, and says "perhaps" more often', async (t) => {
  const filter = new IdFilter(100)
  const known = hashes(10_000)
  for (const hash of known) filter.add(hash)
  t.ok(known.every((hash) => filter.mayHave(hash)))
  t.ok(hashes(1000, 'bob').some((hash) => filter.mayHave(hash)))
})

t.test('an id has the hash of its key, in whatever letters and in every room', async (t) => {
  const names = ['', 'a', 'ann', 'änn', '名前', '😀', 'a\u0000b', '\ud800', 'x'.repeat(300)]
  for (const room of [0, 1, 255, 65_536, 2 ** 31, 2 ** 32 + 5, 2 ** 47 + 3]) {
    for (const user of names) {
      for (const id of names) {
        const key = Buffer.from(idKeyOf(room, user, id))
        if (hashOfId(room, user, id) !== hashOf(key)) t.fail(JSON.stringify({ room, user, id }))
        const inside = Buffer.concat([Buffer.from('ab'), key, Buffer.from('c')])
        if (hashOf(inside, 2, 2 + key.length) !== hashOf(key)) t.fail('a part of a buffer')
      }
    }
  }
  t.not(hashOfId(1, 'a', 'bc'), hashOfId(1, 'ab', 'c'))
})
