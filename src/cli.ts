#!/usr/bin/env node
import { type ParseArgsConfig, parseArgs } from 'node:util'
import Fastify from 'fastify'
import tokens from '../plugins/tokens.js'
import { identityOf } from './auth/identity.js'
import { ConfigError } from './config.js'
import { readConfig } from './env.js'
import { exitWithReason } from './exit.js'
import { checkLog, salvageLog } from './log-commands.js'

const USAGE = `Usage:
  parley serve                start the service; settings are environment variables
      [--workers <n>|auto]    processes that serve clients; auto: one for each core
  parley token --user <id>    print a token signed with the configured key
      [--name <nick>]         default nick
      [--rooms <patterns>]    comma-separated room names or prefix*; default: every room
      [--scope <words>]       admin, publish
      [--expires <time>]      such as 90s, 15m, 1h, 7d; default: 1h
  parley check <dir>          whether the log in a directory is sound
  parley salvage <dir> <new>  write what can be read of a log into a new one
`

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

await run(process.argv.slice(2)).catch(exitWithReason)

async function run([command, ...args]: string[]): Promise<void> {
  if (command === 'serve') {
    await serve(args)
  } else if (command === 'token') {
    process.stdout.write(`${await token(args)}\n`)
  } else if (command === 'check') {
    process.stdout.write(await checkLog(args))
  } else if (command === 'salvage') {
    process.stdout.write(await salvageLog(args))
  } else {
    const asked = command === undefined || command === '--help' || command === 'help'
    process[asked ? 'stdout' : 'stderr'].write(USAGE)
    process.exitCode = asked ? 0 : 1
  }
}

/** Starts the service. `--workers` is the setting of that name, which the workers inherit. */
async function serve(args: string[]): Promise<void> {
  const { workers } = parse(args, { workers: { type: 'string' } })
  if (workers !== undefined) process.env.WORKERS = workers
  await import('./server.js')
}

/** Signs a token as the command line says, so that curl and other clients can be tried at once. */
async function token(args: string[]): Promise<string> {
  const { user, name, rooms, scope, expires } = parseToken(args)
  const claims = {
    sub: user,
    exp: Math.floor(Date.now() / 1000) + seconds(expires),
    ...(name && { name }),
    ...(rooms && { rooms: rooms.split(',').map((room) => room.trim()) }),
    ...(scope && { scope }),
  }
  checkClaims(claims)
  const config = readConfig()
  if (config.dataDir === ':memory:' && config.jwtSecret.length === 0 && !config.jwtSecretFile) {
    throw new ConfigError(
      'JWT_SECRET must be set to sign tokens when DATA_DIR=:memory: keeps no key',
    )
  }
  const app = Fastify()
  await app.register(tokens, { config })
  if (!app.tokens.canSign) {
    throw new ConfigError('JWT_SECRET must be set to sign tokens; a public key only verifies them')
  }
  return app.tokens.sign(claims)
}

/** @throws {ConfigError} for claims that the service itself would refuse. */
function checkClaims(claims: Record<string, unknown>): void {
  try {
    identityOf(claims)
  } catch (error) {
    throw new ConfigError((error as Error).message)
  }
}

function parseToken(args: string[]) {
  const text = { type: 'string' } as const
  const options = { user: text, name: text, rooms: text, scope: text, expires: text }
  const { user, expires = '1h', ...rest } = parse(args, options)
  if (user === undefined) throw new ConfigError(`--user is missing\n${USAGE}`)
  return { user, expires, ...rest }
}

/** @throws {ConfigError} for what is no option, with the usage. */
function parse<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: T,
) {
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n${USAGE}`)
  }
}

function seconds(time: string): number {
  const match = /^(\d{1,7})([smhd])$/.exec(time)
  if (!match)
    throw new ConfigError(`--expires must be a time such as 90s, 15m, 1h or 7d, not ${time}`)
  return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS]
}
