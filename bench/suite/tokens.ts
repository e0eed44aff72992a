import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signToken } from '../../test/helpers/jwt.js'

/** The key of the measured servers. */
export const SECRET = 'a-key-for-measuring-of-no-less-than-thirty-two-bytes'

/**
 * Writes a file of tokens, one a line, each of another user; the end of the process removes it.
 * @param count how many: as many as connections, so that no server can know one from before
 */
export function tokenFile(count: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'parley-bench-tokens-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'tokens')
  const tokens = Array.from({ length: count }, (_, n) => {
    return signToken({ sub: `u${n}` }, 86_400, SECRET)
  })
  writeFileSync(path, `${tokens.join('\n')}\n`)
  return path
}
