import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
import { WORKER_VARIABLE } from './cluster/messages.js'
import { type Config, configFromEnv } from './config.js'

/**
 * The settings of this process: environment variables, and what a `.env` file in the working
 * folder adds to them. Nothing else reads `process.env`.
 * @throws {ConfigError} when a value does not fit.
 */
export function readConfig(): Config {
  if (existsSync('.env')) loadEnvFile()
  return configFromEnv(process.env)
}

/** The number of this process among the workers of a service; undefined when it is none. */
export function workerNumber(): number | undefined {
  const number = process.env[WORKER_VARIABLE]
  return number === undefined ? undefined : Number(number)
}
