import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkDataFile } from './broker/embedded/data-check.js'
import { lockDirectory } from './broker/embedded/directory-lock.js'
import { salvage } from './broker/embedded/salvage.js'
import { UnusableLog } from './broker/embedded/unusable-log.js'
import { ConfigError } from './config.js'

/** Most damages that are told one by one. */
const MOST_TOLD = 10

/**
 * `parley check <dir>`: whether a log's data file is sound. Returns what to print.
 * @throws {UnusableLog} with what is wrong.
 */
export async function checkLog(args: readonly string[]): Promise<string> {
  const [dir] = directories(args, 1)
  const path = join(dir as string, 'data.mdb')
  if (!existsSync(path)) throw new UnusableLog(`${path} is missing: there is no log to check`)
  const lock = await lockDirectory(dir as string, process.pid, 'check')
  try {
    const { damages } = await checkDataFile(path, Number.POSITIVE_INFINITY)
    if (damages.length > 0)
      throw new UnusableLog([`${path} is damaged:`, ...list(damages)].join('\n'))
    return `${path} is sound\n`
  } finally {
    await lock.release()
  }
}

/** `parley salvage <dir> <new dir>`: see `salvage`. Returns what to print. */
export async function salvageLog(args: readonly string[]): Promise<string> {
  const [from, to] = directories(args, 2) as [string, string]
  const newEpoch = () => randomBytes(12).toString('base64url')
  const { damages, rooms, messages, gaps, values } = await salvage({ from, to, newEpoch })
  const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0)
  return [
    damages.length === 0 ? `${from} is sound` : `${from} is damaged:`,
    ...list(damages),
    `${to} has ${messages} messages in ${rooms} rooms, and ${values} tickets, revocations and the like`,
    ...(missing > 0
      ? [`${missing} messages are missing in the middle of ${gaps.length} rooms`]
      : []),
    'Every room has a new epoch: clients are told that its log began anew.',
    '',
  ].join('\n')
}

function list(damages: readonly { database: string; what: string }[]): string[] {
  const told = damages.slice(0, MOST_TOLD).map(({ database, what }) => `  ${database}: ${what}`)
  const rest = damages.length - told.length
  return rest > 0 ? [...told, `  and ${rest} more`] : told
}

function directories(args: readonly string[], count: number): readonly string[] {
  if (args.length !== count || args.some((arg) => arg.startsWith('-'))) {
    throw new ConfigError(`${count === 1 ? 'one directory' : 'two directories'} must be given`)
  }
  return args
}
