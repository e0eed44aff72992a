import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadKeys } from '../../src/auth/keys.js'
import { ConfigError, configFromEnv, resolveConfig } from '../../src/config.js'

const SECRET = 'a secret that has thirty-two bytes or more'

t.test('the defaults depend on the environment only where they must', async (t) => {
  t.match(configFromEnv({}), {
    host: '127.0.0.1',
    port: 3000,
    guests: true,
    dataDir: './data',
    maxMessageBytes: 65_536,
    heartbeatSeconds: 25,
    idleTimeoutSeconds: 300,
    allowedOrigins: [],
  })
  t.match(configFromEnv({ NODE_ENV: 'production' }), { host: '0.0.0.0', guests: false })
  t.match(configFromEnv({ NODE_ENV: 'production', GUESTS: 'true' }), { guests: true })
})

t.test(
  'variables are read with their types; empty and unknown ones count as not set',
  async (t) => {
    const config = configFromEnv({
      PORT: ' 0 ',
      ALLOWED_ORIGINS: 'https://a.example , https://b.example,',
      ALLOW_NO_ORIGIN: 'false',
      DURABILITY: 'flush',
      LOG_LEVEL: '',
      MAX_MESSAGE_BYTES: '1024',
      SOMETHING_ELSE: 'x',
    })
    t.match(config, {
      port: 0,
      allowedOrigins: ['https://a.example', 'https://b.example'],
      allowNoOrigin: false,
      durability: 'flush',
      logLevel: 'info',
      maxMessageBytes: 1024,
    })
  },
)

t.test('a value that does not fit is one line: setting, problem, example', async (t) => {
  const cases: [env: Record<string, string>, message: string][] = [
    [{ PORT: 'x' }, 'PORT must be an integer from 0 to 65535, but is "x"; for example PORT=8080'],
    [
      { PORT: '65536' },
      'PORT must be an integer from 0 to 65535, but is 65536; for example PORT=8080',
    ],
    [{ GUESTS: 'yes' }, 'GUESTS must be true or false, but is "yes"; for example GUESTS=true'],
    [
      { DURABILITY: 'maybe' },
      'DURABILITY must be one of commit, flush, but is "maybe"; for example DURABILITY=flush',
    ],
  ]
  for (const [env, message] of cases) {
    t.throws(() => configFromEnv(env), { name: 'ConfigError', message })
  }
  t.throws(() => resolveConfig({ port: -1 }), { message: /^port must be/ })
})

t.test('keys: too short, missing in production, unreadable, unfit algorithms', async (t) => {
  const load = (env: Record<string, string>) => () => loadKeys(configFromEnv(env))
  const dir = t.testdir({ 'not.pem': 'nonsense', empty: '\n', secrets: `${SECRET}\n${SECRET}2\n` })
  const fails = (env: Record<string, string>, message: RegExp) => {
    t.throws(load(env), { name: 'ConfigError', message })
    t.throws(load(env), ConfigError)
  }
  fails({ JWT_SECRET: 'short' }, /at least 32 bytes/)
  fails({ NODE_ENV: 'production' }, /^JWT_SECRET, .* must be set in production/)
  fails({ JWT_SECRET_FILE: join(dir, 'none') }, /readable file/)
  fails({ JWT_SECRET_FILE: join(dir, 'empty') }, /at least one key/)
  fails({ JWT_PUBLIC_KEY_FILE: join(dir, 'not.pem') }, /public key in PEM/)
  fails({ JWT_SECRET: SECRET, JWT_ALGORITHMS: 'RS256' }, /JWT_ALGORITHMS must name an algorithm/)
  t.match(load({ JWT_SECRET_FILE: join(dir, 'secrets') })(), [
    { key: SECRET, signs: true, algorithms: ['HS256'] },
    { key: `${SECRET}2` },
  ])
  t.match(load({ JWT_SECRET: SECRET, JWT_ALGORITHMS: 'HS512,HS256' })(), [
    { algorithms: ['HS512', 'HS256'] },
  ])
})

t.test('in development a key is made once, and only its owner can read it', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const [made] = loadKeys(resolveConfig({ dataDir }))
  t.match(loadKeys(resolveConfig({ dataDir })), [{ key: made?.key }], 'the same after a restart')
  t.equal(statSync(join(dataDir, 'jwt-secret')).mode & 0o777, 0o600)
  const [memory] = loadKeys(resolveConfig({ dataDir: ':memory:' }))
  t.not(memory?.key, made?.key)
  t.notOk(existsSync(':memory:'))
})

t.test('a key file that someone put there is used as it is', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'jwt-secret'), `${SECRET}\n`)
  t.match(loadKeys(resolveConfig({ dataDir })), [{ key: SECRET }])
  t.equal(readFileSync(join(dataDir, 'jwt-secret'), 'utf8'), `${SECRET}\n`)
})
