import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What the whole test run leaves for one last look: every token that was signed, and everything
 * that servers wrote or told in their metrics. `scripts/evidence.mjs` makes the folder, and searches
 * the one for the other. Nothing is kept where a test file is run by itself.
 */
const FOLDER = process.env.TEST_EVIDENCE_DIR

function keep(kind: 'tokens' | 'output', text: string): void {
  if (FOLDER !== undefined) appendFileSync(join(FOLDER, `${kind}-${process.pid}`), `${text}\n`)
}

/** Keeps a token, and returns it. */
export function noteToken(token: string): string {
  keep('tokens', token)
  return token
}

/** Keeps what a server wrote. */
export function noteOutput(text: string): void {
  keep('output', text)
}
