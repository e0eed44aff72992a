import { StoreUnavailable } from './broker/broker.js'
import { UnusableLog } from './broker/embedded/unusable-log.js'
import { type Config, ConfigError } from './config.js'

/** Beyond the drain: for the log to be flushed and the process to end by itself, milliseconds. */
export const CLOSE_MARGIN = 10_000

/**
 * Signals of a fault in native code. Caught, they would not end the process but come again and
 * again from the same instruction: it would hang at full load, and nobody would restart it.
 */
export const FAULTS = [
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
] as const satisfies NodeJS.Signals[]

/** Signals that do not end the process: with TLS, SIGHUP has the certificate read again. */
export function ownSignals({ tlsCertFile }: Pick<Config, 'tlsCertFile'>): 'SIGHUP'[] {
  return tlsCertFile === undefined ? [] : ['SIGHUP']
}

/**
 * Signals that a terminal or a service manager sends to a whole group of processes. A worker leaves
 * them to the process that started it, which tells all workers at once.
 */
export const COORDINATED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies NodeJS.Signals[]

/** Errors of a start that say all there is to say in one line. */
const FORESEEN = new Set([
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOSPC',
  'ERR_STORE_LOCKED',
  'ERR_WORKER_FAILED',
])

/** Ends a process that cannot start: one line for what was foreseen, a stack for what was not. */
export function exitWithReason(error: unknown): never {
  const { code, message, stack } = error as Error & { code?: string }
  const foreseen =
    error instanceof ConfigError ||
    error instanceof StoreUnavailable ||
    error instanceof UnusableLog ||
    (code !== undefined && FORESEEN.has(code))
  process.stderr.write(`parley: ${foreseen ? message : stack}\n`)
  process.exit(1)
}
