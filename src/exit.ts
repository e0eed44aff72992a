import { StoreUnavailable } from './broker/broker.js'
import { ConfigError } from './config.js'

/** Errors of a start that say all there is to say in one line. */
const FORESEEN = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ERR_STORE_LOCKED'])

/** Ends a process that cannot start: one line for what was foreseen, a stack for what was not. */
export function exitWithReason(error: unknown): never {
  const { code, message, stack } = error as Error & { code?: string }
  const foreseen =
    error instanceof ConfigError ||
    error instanceof StoreUnavailable ||
    (code !== undefined && FORESEEN.has(code))
  process.stderr.write(`parley: ${foreseen ? message : stack}\n`)
  process.exit(1)
}
