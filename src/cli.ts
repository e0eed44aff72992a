#!/usr/bin/env node
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import tokens from '../plugins/tokens.js'
import { identityOf } from './auth/identity.js'
import { ConfigError } from './config.js'
import { readConfig } from './env.js'
import { exitWithReason } from './exit.js'

const USAGE = `Usage:
  parley serve                start the service; settings are environment variables
  parley token --user <id>    print a token signed with the configured key
      [--name <nick>]         default nick
      [--rooms <patterns>]    comma-separated room names or prefix*; default: every room
      [--scope <words>]       admin, publish
      [--expires <time>]      such as 90s, 15m, 1h, 7d; default: 1h
`

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

await run(process.argv.slice(2)).catch(exitWithReason)

async function run([command, ...args]: string[]): Promise<void> {
  if (command === 'serve') {
    await import('./server.js')
  } else if (command === 'token') {
    process.stdout.write(`${await token(args)}\n`)
  } else {
    const asked = command === undefined || command === '--help' || command === 'help'
    process[asked ? 'stdout' : 'stderr'].write(USAGE)
    process.exitCode = asked ? 0 : 1
  }
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
  try {
    const { user, expires = '1h', ...rest } = parseArgs({ args, options }).values
    if (user === undefined) throw new TypeError('--user is missing')
    return { user, expires, ...rest }
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
