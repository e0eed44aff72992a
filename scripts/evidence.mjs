// The last look at a test run: no token that any test signed may stand in what servers wrote to
// their logs or told in their metrics. Tests leave both in a folder; see test/helpers/evidence.ts.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An HS256 signature in base64url: the part of a token that nobody else can make. */
const SIGNATURE_LENGTH = 43
const RUNS = /[\w-]{43,}/g

/** A new folder for what tests leave. */
export const makeEvidenceFolder = () => mkdtempSync(join(tmpdir(), 'parley-evidence-'))

/**
 * Searches what was left, and removes it.
 * @returns what is wrong, or undefined; says what was looked at
 */
export function searchEvidence(folder, whole) {
  const files = readdirSync(folder)
  const read = (file) => readFileSync(join(folder, file), 'utf8')
  const signatures = new Map()
  for (const file of files.filter((name) => name.startsWith('tokens-'))) {
    for (const token of read(file).split('\n')) {
      const signature = token.split('.')[2]
      if (signature?.length === SIGNATURE_LENGTH) signatures.set(signature, token)
    }
  }
  let lines = 0
  const found = []
  for (const file of files.filter((name) => name.startsWith('output-'))) {
    for (const line of read(file).split('\n')) {
      lines++
      if (holdsOne(line, signatures)) found.push(line.slice(0, 500))
    }
  }
  rmSync(folder, { recursive: true })
  console.log(`${signatures.size} tokens searched for in ${lines} lines of logs and metrics`)
  if (found.length > 0) return `${found.length} lines hold a token, the first one:\n${found[0]}`
  if (whole && (signatures.size === 0 || lines < 1000)) return 'the tests left nothing to search'
  return undefined
}

function holdsOne(line, signatures) {
  for (const [run] of line.matchAll(RUNS)) {
    for (let at = 0; at + SIGNATURE_LENGTH <= run.length; at++) {
      if (signatures.has(run.slice(at, at + SIGNATURE_LENGTH))) return true
    }
  }
  return false
}
