import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import t from 'tap'
import { DataFile } from '../../../../src/broker/embedded/data-file.js'

t.test('a look at the file while it grows does not count the growth twice', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-data-file-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const environment = open({ path: dir, noSubdir: false })
  await environment.put('key', 'value')
  await environment.close()

  const path = join(dir, 'data.mdb')
  const file = new DataFile(path)
  t.teardown(() => file.close())
  const before = statSync(path).size
  const reserved = file.reserve(1, 1)
  // The file grows on another thread; this one hears of it only after this turn.
  while (statSync(path).size === before);
  file.check()
  await reserved
  file.check()
  t.ok(statSync(path).size > before)
})
