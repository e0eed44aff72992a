// Runs tap over the compiled tests, prints one line per file and the whole of what failed, and
// ends with "N passed, N failed, N skipped". Arguments go to tap: `npm test -- build/test/src/x.test.js`.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { checkCoverage } from './coverage.mjs'
import { makeEvidenceFolder, searchEvidence } from './evidence.mjs'

const evidence = makeEvidenceFolder()
const tap = spawn('tap', process.argv.slice(2), {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, TEST_EVIDENCE_DIR: evidence },
})
const exit = new Promise((resolve) => tap.on('close', resolve))
const counts = { pass: 0, fail: 0, skip: 0, todo: 0 }
let block = []
/** Whether the lines that come are what tap has to say of the file that has just failed. */
let diagnosing = false

for await (const line of createInterface({ input: tap.stdout })) {
  const file = /^(not )?ok \d+ - (.*?)( # time=.*)?$/.exec(line)
  const totals = /^# (\{ total: .*\})$/.exec(line)
  if (totals) {
    for (const [, key, value] of totals[1].matchAll(/(\w+): (\d+)/g)) counts[key] = Number(value)
  } else if (file) {
    diagnosing = file[1] !== undefined
    if (diagnosing) console.log(block.filter((text) => !/^\s+ok \d+/.test(text)).join('\n'))
    else for (const text of block) if (/ # SKIP/i.test(text)) console.log(text.trim())
    console.log(`${file[1] ? 'FAIL' : 'pass'} ${file[2]}${file[3] ?? ''}`)
    block = []
  } else if (diagnosing && /^ {2}/.test(line)) {
    console.log(line)
    diagnosing = line.trim() !== '...'
  } else {
    block.push(line)
  }
}

let code = (await exit) ?? 1
if (code !== 0) console.log(block.join('\n'))
const whole = process.argv.length === 2
if (whole && code === 0 && !checkCoverage()) code = 1
const leak = searchEvidence(evidence, whole)
if (leak !== undefined) {
  console.log(`FAIL no token stands in any log or metric: ${leak}`)
  code = 1
}
const failed = code !== 0 && counts.fail === 0 ? 1 : counts.fail
console.log(`${counts.pass} passed, ${failed} failed, ${counts.skip + counts.todo} skipped`)
process.exitCode = code
