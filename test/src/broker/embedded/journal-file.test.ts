import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { JournalFile } from '../../../../src/broker/embedded/journal-file.js'

/** Bytes that differ all along. */
const image = Buffer.from(Uint32Array.from({ length: 200_000 }, (_, n) => n * 2_654_435_761).buffer)

t.test('a part of the image gets to its place, at once or behind', async (t) => {
  const dir = t.testdir()
  for (const atOnce of [false, true]) {
    const path = join(dir, String(atOnce))
    const file = await JournalFile.open(path)
    await file.write(image, 0, 1000, atOnce)
    await file.write(image, 1000, 1003, atOnce)
    await file.write(image, 1003, 700_000, atOnce)
    await file.write(image, 500, 600, atOnce)
    t.ok((await file.read()).equals(image.subarray(0, 700_000)))
    await file.close()
  }
})

t.test('what is little is written at once, what is much is not', async (t) => {
  const path = join(t.testdir(), 'journal')
  const file = await JournalFile.open(path)
  const small = file.write(image, 0, 1000, true)
  t.ok(readFileSync(path).equals(image.subarray(0, 1000)), 'before it is told so')
  await small
  const written: string[] = []
  const note = (what: string) => () => void written.push(what)
  const large = file.write(image, 1000, image.length, true).then(note('much'))
  await file.write(image, 0, 1000, true).then(note('little'))
  // What another thread writes is told by the event loop, which has not come round since.
  t.strictSame(written, ['little'])
  await large
  t.equal(statSync(path).size, image.length)
  await file.close()
})

t.test('what cannot be written is told either way', async (t) => {
  const file = await JournalFile.open('/dev/full')
  await t.rejects(file.write(image, 0, 1000, true), { code: 'ENOSPC' })
  await t.rejects(file.write(image, 0, 1000), { code: 'ENOSPC' })
  await file.close()
})
