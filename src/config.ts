import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** What a setting is, for parsing, for the documents, and for error messages. */
interface About {
  readonly description: string
  readonly unit?: string
  readonly example: string
  /** In words, where the default is not a value of its own. */
  readonly defaultText?: string
  /** Its value is never printed. */
  readonly secret?: boolean
}

const integer = (value: number, minimum: number, maximum: number, about: About) =>
  Type.Integer({
    minimum,
    maximum,
    default: value,
    rule: `an integer from ${minimum} to ${maximum}`,
    ...about,
  })
const flag = (value: boolean, about: Omit<About, 'example'>) =>
  Type.Boolean({ default: value, rule: 'true or false', example: String(!value), ...about })
const choice = <const T extends string[]>(values: [...T], value: T[number], about: About) =>
  Type.Enum(values, { default: value, rule: `one of ${values.join(', ')}`, ...about })
const text = (value: string, about: About) =>
  Type.String({ minLength: 1, default: value, rule: 'a text', ...about })
const optional = (about: About) =>
  Type.Optional(Type.String({ minLength: 1, rule: 'a text', ...about }))
const list = (about: About) =>
  Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    rule: 'a comma-separated list',
    ...about,
  })
const perEnvironment = <T extends TSchema>(schema: T) => Type.Optional(schema)

/** The largest timer that Node keeps, in seconds. */
const MAX_SECONDS = 2_147_483
const MAX_COUNT = 1_000_000_000
const YEAR_SECONDS = 31_536_000

/**
 * Every setting once. The environment variable of `maxMessageBytes` is `MAX_MESSAGE_BYTES`.
 * `docs/configuration.md` and `.env.example` are generated from this.
 */
export const ConfigSchema = Type.Object({
  nodeEnv: optional({
    description: '`production`: no guests, no generated key, JSON logs.',
    example: 'production',
  }),
  host: perEnvironment(
    Type.String({
      minLength: 1,
      rule: 'a host name or address',
      description: 'Address to listen on.',
      defaultText: '127.0.0.1; 0.0.0.0 in production',
      example: '0.0.0.0',
    }),
  ),
  port: integer(3000, 0, 65535, {
    description: 'Port to listen on; 0 takes a free one. The log line and `GET /health` say which.',
    example: '8080',
  }),
  workers: Type.String({
    pattern: '^(auto|[1-9]\\d{0,2})$',
    default: '1',
    rule: 'auto or a number from 1 to 999',
    description:
      'Processes that serve clients, on one port: `auto` is one for each core. With more than one, the embedded log is in a process of its own. For `parley serve` only.',
    example: 'auto',
  }),
  logLevel: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', {
    description: 'Least level that is logged. Nothing is logged per message above `debug`.',
    example: 'debug',
  }),
  trustProxy: text('false', {
    description:
      'Whose `X-Forwarded-*` headers count: `true` (anyone’s), `false`, a number of hops, or addresses and subnets, comma-separated.',
    example: '127.0.0.1,10.0.0.0/8',
  }),
  tlsCertFile: optional({
    description:
      'PEM file with the certificate and its chain: https, HTTP/1.1 and HTTP/2 on one port. SIGHUP reads both files again without dropping anyone.',
    defaultText: 'none: http',
    example: '/etc/parley/fullchain.pem',
  }),
  tlsKeyFile: optional({
    description: 'PEM file with the private key of `TLS_CERT_FILE`, without a passphrase.',
    example: '/etc/parley/privkey.pem',
  }),
  hstsSeconds: perEnvironment(
    Type.Integer({
      minimum: 0,
      maximum: MAX_COUNT,
      rule: `an integer from 0 to ${MAX_COUNT}`,
      description:
        'How long browsers are to use nothing but https for this host (`Strict-Transport-Security`, sent over https); 0 = not said.',
      unit: 'seconds',
      defaultText: '31536000 in production with `TLS_CERT_FILE`; otherwise 0',
      example: '86400',
    }),
  ),
  maxHttp2Streams: integer(128, 1, 1_000_000, {
    description: 'Requests and WebSockets that one HTTP/2 connection may have open at once.',
    example: '1000',
  }),
  dataDir: text('./data', {
    description: 'Folder of the embedded log; `:memory:` keeps nothing.',
    example: '/var/lib/parley',
  }),
  durability: choice(['commit', 'flush'], 'commit', {
    description:
      'When a message counts as stored: `commit` survives a crash of the process, `flush` a power cut.',
    example: 'flush',
  }),
  redisUrl: Type.Array(Type.String({ pattern: '^rediss?://[^/?#]+(/\\d*)?$' }), {
    default: [],
    rule: 'one or more redis:// or rediss:// URLs, comma-separated',
    description:
      'Keep rooms in Redis 7 or Valkey, for any number of nodes; `DATA_DIR` holds no log then. Several URLs: nodes of a cluster, or a primary and its replicas.',
    defaultText: 'none: the embedded log',
    secret: true,
    example: 'redis://localhost:6379',
  }),
  redisPrefix: text('parley', {
    description: 'What the names of all keys and channels in Redis begin with.',
    example: 'chat',
  }),
  redisWaitReplicas: integer(0, 0, 10, {
    description:
      'Replicas that must have a message before it is acknowledged (Redis’ `WAIT`): so that it survives a fail-over to one of them.',
    unit: 'replicas',
    example: '1',
  }),
  historyMessages: integer(10_000, 1, MAX_COUNT, {
    description: 'Messages kept per room.',
    example: '1000',
  }),
  historySeconds: integer(604_800, 1, MAX_COUNT, {
    description: 'How long messages are kept.',
    unit: 'seconds',
    example: '86400',
  }),
  jwtSecret: list({
    description:
      'HMAC keys, at least 32 bytes each, comma-separated for rotation: the first signs, all verify. In development a key is made and kept in `DATA_DIR`.',
    secret: true,
    example: 'the-output-of-openssl-rand-base64-33',
    defaultText: 'made in development',
  }),
  jwtSecretFile: optional({
    description: 'File with what `JWT_SECRET` would hold.',
    example: '/run/secrets/jwt',
  }),
  jwtPublicKeyFile: optional({
    description: 'PEM file with the public key that verifies tokens; nothing is signed then.',
    example: '/etc/parley/jwt.pem',
  }),
  jwtJwksUrl: Type.Optional(
    Type.String({
      pattern: '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])',
      rule: 'an https address (http only on this machine)',
      description:
        'Where the issuer publishes its public keys (a JWK set). They are kept for ten minutes and fetched again, at most every ten seconds, when a token names another key.',
      example: 'https://login.example.com/.well-known/jwks.json',
    }),
  ),
  jwtAlgorithms: list({
    description: 'Algorithms that a token may be signed with.',
    defaultText: 'HS256; with a public key RS256, ES256 or EdDSA, as the key is',
    example: 'HS256',
  }),
  jwtIssuer: optional({
    description: 'Required `iss` of tokens.',
    example: 'https://login.example.com',
  }),
  jwtAudience: optional({ description: 'Required `aud` of tokens.', example: 'parley' }),
  revocationSeconds: integer(2_592_000, 60, MAX_COUNT, {
    description:
      'How long a revocation is remembered: at least as long as the longest-lived token is good for.',
    unit: 'seconds',
    example: '86400',
  }),
  jwtCookie: optional({
    description: 'Name of a cookie that may carry the token.',
    example: 'session',
  }),
  guests: perEnvironment(
    Type.Boolean({
      rule: 'true or false',
      description: 'Whether `POST /guests` gives anyone a short-lived token.',
      defaultText: 'true; false in production',
      example: 'true',
    }),
  ),
  guestTokenSeconds: integer(3600, 5, 86_400, {
    description: 'How long a guest’s token is good for.',
    unit: 'seconds',
    example: '600',
  }),
  allowedOrigins: list({
    description:
      'Origins besides the server’s own that browsers may connect from; `https://*.example.com` for subdomains, `*` for all.',
    defaultText: 'same origin',
    example: 'https://app.example.com,https://*.example.org',
  }),
  allowNoOrigin: flag(true, {
    description: 'Let in clients that send no `Origin` (not browsers).',
  }),
  compression: choice(['off', 'on'], 'off', {
    description:
      'Compress WebSocket messages (permessage-deflate) for clients that offer it. Off, because compressed secrets can be guessed from lengths and it costs time: see docs/transports.md.',
    example: 'on',
  }),
  compressionMinBytes: integer(512, 0, MAX_COUNT, {
    description: 'Shorter messages are sent uncompressed.',
    unit: 'bytes',
    example: '1024',
  }),
  maxMessageBytes: integer(65_536, 1, 16_777_216, {
    description: 'Largest message from a client, after inflating.',
    unit: 'bytes',
    example: '16384',
  }),
  maxBufferedBytes: integer(1_048_576, 65_536, MAX_COUNT, {
    description: 'Most bytes waiting for one slow client before it is closed with 4008.',
    unit: 'bytes',
    example: '4194304',
  }),
  maxConnections: integer(0, 0, MAX_COUNT, {
    description: 'Connections of this process; 0 = no limit.',
    example: '20000',
  }),
  maxConnectionsPerUser: integer(100, 0, MAX_COUNT, {
    description: 'Connections of one user; 0 = no limit.',
    example: '10',
  }),
  maxConnectionsPerAddress: integer(0, 0, MAX_COUNT, {
    description: 'Connections from one address; 0 = no limit.',
    example: '200',
  }),
  maxRoomsPerConnection: integer(100, 1, 100_000, {
    description: 'Rooms that one connection may be in.',
    example: '20',
  }),
  rateLimitMessages: integer(50, 0, 1_000_000, {
    description:
      'Actions a second of one connection, sustained; 0 = no limit. `history` and `auth` count as 5, `members` as 2.',
    example: '10',
  }),
  rateLimitBurst: integer(100, 1, 1_000_000, {
    description: 'Actions of one connection at once.',
    example: '20',
  }),
  rateLimitRequests: integer(600, 0, MAX_COUNT, {
    description:
      'REST requests and handshakes a minute of one user, or of one address without a valid token, over all nodes; 0 = no limit.',
    example: '6000',
  }),
  metricsToken: Type.Optional(
    Type.String({
      minLength: 16,
      rule: 'a text of at least 16 characters',
      description: 'The bearer token that `GET /metrics` asks for; anyone may read it without.',
      secret: true,
      example: 'the-output-of-openssl-rand-hex-16',
    }),
  ),
  flushMs: integer(0, 0, 100, {
    description:
      'A room that is busy writes to its members at most once in so long; a quiet one writes at once. Messages of a busy room arrive up to so much later, at a fraction of the cost. 0 = every turn of the event loop.',
    unit: 'milliseconds',
    example: '5',
  }),
  directWrites: flag(true, {
    description:
      'Write to plain TCP sockets past Node’s stream layer, which costs less for every member of a room. Used only where a look at the first sockets shows that it works; `false` never does.',
  }),
  heartbeatSeconds: integer(25, 0, MAX_SECONDS, {
    description:
      'Interval of pings; a connection from which nothing came for two intervals is dropped. 0 = never.',
    unit: 'seconds',
    example: '30',
  }),
  idleTimeoutSeconds: integer(300, 0, MAX_SECONDS, {
    description: 'Close a connection from which no data message came for so long. 0 = never.',
    unit: 'seconds',
    example: '110',
  }),
  drainSeconds: integer(10, 0, 3600, {
    description: 'Over how long open connections are sent away at shutdown.',
    unit: 'seconds',
    example: '30',
  }),
})

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
