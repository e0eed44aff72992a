import { type Database, open } from 'lmdb'
import t from 'tap'
import { idKeysIn } from '../../../../src/broker/embedded/lmdb-ranges.js'

t.test('keys that end before the last one are told, not taken for all', async (t) => {
  const root = open({ path: t.testdir(), noSubdir: false })
  t.teardown(() => root.close())
  const rawIds: Database<Buffer, Buffer> = root.openDB('ids', {
    encoding: 'binary',
    keyEncoding: 'binary',
  })
  t.strictSame(idKeysIn({ rawIds }, undefined, 10), [])
  const keys = Array.from({ length: 20 }, (_, n) => Buffer.from([0, 7, n]))
  await Promise.all(keys.map((key) => rawIds.put(key, key)))
  t.strictSame(idKeysIn({ rawIds }, undefined, 30), keys)
  t.strictSame(idKeysIn({ rawIds }, keys[14], 30), keys.slice(15))
  t.strictSame(idKeysIn({ rawIds }, keys[19], 30), [])

  await rawIds.remove(keys[19] as Buffer)
  t.strictSame(idKeysIn({ rawIds }, keys[19], 30), [], 'also when the last one read is gone')

  // As `lmdb` does where it meets a key without a length.
  const damaged: Database<Buffer, Buffer> = Object.create(rawIds, {
    getKeys: {
      value: (range: { readonly limit: number; readonly reverse?: boolean }) =>
        rawIds.getKeys({ ...range, limit: Math.min(range.limit, 5) }),
    },
  })
  t.throws(() => idKeysIn({ rawIds: damaged }, undefined, 30), { message: 'ids cannot be read' })
})
