import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { access } from './settings/access.js'
import type { About } from './settings/kinds.js'
import { limits } from './settings/limits.js'
import { log } from './settings/log.js'
import { operation } from './settings/operation.js'
import { server } from './settings/server.js'

const YEAR_SECONDS = 31_536_000

/**
 * Every setting once, in the order of the documents. The environment variable of `maxMessageBytes`
 * is `MAX_MESSAGE_BYTES`. `docs/configuration.md` and `.env.example` are generated from this.
 */
export const ConfigSchema = Type.Object({ ...server, ...log, ...access, ...limits, ...operation })

type Parsed = Static<typeof ConfigSchema>

/** Complete settings: everything that depends on the environment is decided. */
export type Config = Omit<Parsed, 'host' | 'guests' | 'hstsSeconds'> & {
  readonly host: string
  readonly guests: boolean
  readonly hstsSeconds: number
}
export type ConfigKey = keyof Parsed

/** A setting does not fit. One line that names the setting, the problem and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

interface Setting extends About {
  readonly type: string
  readonly rule: string
  readonly default?: unknown
}

/** Every setting with what there is to say about it, in the order of the documents. */
export const settings = Object.entries(ConfigSchema.properties) as unknown as [ConfigKey, Setting][]
const validators = new Map(
  settings.map(([key, setting]) => [key, Compile(setting as unknown as TSchema)]),
)

/** Name of the environment variable of a setting. */
export function variableOf(key: ConfigKey): string {
  return key.replace(/[A-Z]/g, '_$&').toUpperCase()
}

/**
 * Reads the settings from environment variables. Empty values count as not set.
 * @throws {ConfigError} when a value does not fit.
 */
export function configFromEnv(env: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {}
  for (const [key, setting] of settings) {
    const given = env[variableOf(key)]?.trim()
    if (given) values[key] = fromText(setting, given)
  }
  return resolveConfig(values as Partial<Config>, variableOf)
}

/**
 * Fills in the defaults and checks every value.
 * @throws {ConfigError} when a value does not fit.
 */
export function resolveConfig(
  values: Partial<Config>,
  nameOf: (key: ConfigKey) => string = (key) => key,
): Config {
  const config: Record<string, unknown> = {}
  for (const [key, setting] of settings) {
    const value = values[key] ?? setting.default
    if (value === undefined) continue
    if (!validators.get(key)?.Check(value)) {
      const shown = setting.secret ? 'something else' : JSON.stringify(value)
      throw new ConfigError(
        `${nameOf(key)} must be ${setting.rule}, but is ${shown}; for example ${nameOf(key)}=${setting.example}`,
      )
    }
    config[key] = value
  }
  const production = config.nodeEnv === 'production'
  config.host ??= production ? '0.0.0.0' : '127.0.0.1'
  config.guests ??= !production
  config.hstsSeconds ??= production && config.tlsCertFile !== undefined ? YEAR_SECONDS : 0
  return config as Config
}

function fromText(setting: Setting, given: string): unknown {
  if (setting.type === 'integer') return /^-?\d+$/.test(given) ? Number(given) : given
  if (setting.type === 'boolean') return given === 'true' ? true : given === 'false' ? false : given
  if (setting.type !== 'array') return given
  return given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
