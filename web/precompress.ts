import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const compressed = { gz: promisify(gzip), br: promisify(brotliCompress) }

/** Smaller files than this do not become smaller by a packet, in bytes. */
const LEAST = 1024

/** Puts a `.gz` and a `.br` beside each file, so that the server compresses nothing itself. */
export const precompress: Plugin = {
  name: 'precompress',
  async writeBundle({ dir = '' }, bundle) {
    await Promise.all(Object.keys(bundle).map((name) => compress(join(dir, name))))
  },
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path)
  if (content.length < LEAST) return
  for (const [ending, by] of Object.entries(compressed)) {
    await writeFile(`${path}.${ending}`, await by(content))
  }
}
