import { readFileSync } from 'node:fs'

/** Least share of the lines of src/ that the tests must run, percent. */
const LEAST = 95

/**
 * Prints how much of src/ the last run of tap covered, with the files that fall short.
 * @returns whether it was enough
 */
export function checkCoverage() {
  const report = new URL('../.tap/report/coverage-summary.json', import.meta.url)
  let total = 0
  let covered = 0
  for (const [file, { lines }] of Object.entries(JSON.parse(readFileSync(report, 'utf8')))) {
    if (!/[\\/]src[\\/]/.test(file)) continue
    total += lines.total
    covered += lines.covered
    const name = file.replace(/.*[\\/]src[\\/]/, 'src/')
    if (lines.pct < LEAST) console.log(`  ${lines.pct.toFixed(0).padStart(3)} % ${name}`)
  }
  const percent = total === 0 ? 0 : (100 * covered) / total
  console.log(`${percent.toFixed(1)} % of ${total} lines of src/ covered, ${LEAST} % wanted`)
  return percent >= LEAST
}
