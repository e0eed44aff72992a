import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

export const PYTHON = '/usr/bin/python3'

/** Why a test is skipped, or false where Python has to have this module. */
export function pythonMissing(module: string): string | false {
  if (process.env.REQUIRE_SERVICES === '1') return false
  try {
    if (!existsSync(PYTHON)) throw new Error()
    execFileSync(PYTHON, ['-c', `import ${module}`], { stdio: 'ignore' })
    return false
  } catch {
    return `there is no python3-${module} for ${PYTHON}`
  }
}
