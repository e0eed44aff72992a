import { open } from 'lmdb'

/**
 * Reads everything in an LMDB environment: `node data-check.js <directory>`. A process of its own,
 * because what LMDB finds in a damaged file can end the process that reads it. Exits with 0 when
 * all could be read.
 */
const [, , path = ''] = process.argv
const root = open<Buffer, string>({ path, noSubdir: false, readOnly: true, encoding: 'binary' })
for (const name of [...root.getKeys()]) {
  const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const
  const database = root.openDB<Buffer, Buffer>(name, bytes)
  for (const { value } of database.getRange()) value.at(-1)
}
