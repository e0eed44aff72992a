import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
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
