import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openLogStore } from '../../src/broker/embedded/log-store.js'
import { claimsOf, JWT_SECRET } from '../helpers/jwt.js'
import { startService } from '../helpers/service.js'
import { mountSmallDisk, noSmallDisk } from '../helpers/small-disk.js'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function parley(args: string[], env: Record<string, string> = {}): Promise<Result> {
  return new Promise((resolve) => {
    const options = { cwd: tmpdir(), env: { PATH: process.env.PATH ?? '', ...env } }
    execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

t.test('parley token prints a token that the service takes', async (t) => {
  const args = ['--user', 'demo', '--name', 'Demo', '--rooms', 'team-*, 8888', '--expires', '15m']
  const env = { JWT_SECRET, DATA_DIR: ':memory:' }
  const { code, stdout } = await parley(['token', ...args, '--scope', 'admin'], env)
  t.equal(code, 0)
  const token = stdout.trim()
  const claims = claimsOf(token)
  t.match(claims, { sub: 'demo', name: 'Demo', rooms: ['team-*', '8888'], scope: 'admin' })
  // A second may begin between the two.
  t.ok([899, 900].includes(Number(claims.exp) - Number(claims.iat)))
  const service = await startService(t)
  const headers = { authorization: `Bearer ${token}` }
  t.match(await service.request('GET', '/connections', { headers }), { statusCode: 200 })
})

t.test(
  `a start without space on the disk says so in one line${noSmallDisk ? `: ${noSmallDisk}` : ''}`,
  { skip: noSmallDisk !== undefined && process.env.REQUIRE_SERVICES !== '1' },
  async (t) => {
    const dir = mountSmallDisk(t, 1)
    writeFileSync(join(dir, 'other'), '')
    t.throws(() => {
      for (;;) appendFileSync(join(dir, 'other'), Buffer.alloc(4096))
    }, /ENOSPC/)
    for (const WORKERS of ['1', '2']) {
      const { code, stderr } = await parley(['serve'], { DATA_DIR: dir, PORT: '0', WORKERS })
      t.equal(code, 1)
      t.match(stderr, /^parley: .*(no space left|is full).*\n$/)
    }
  },
)

t.test('mistakes on the command line are one clear line and exit code 1', async (t) => {
  const cases: [args: string[], env: Record<string, string>, stderr: RegExp][] = [
    [['token'], { JWT_SECRET }, /^parley: --user is missing\nUsage:/],
    [['token', '--user', 'a', '--colour', 'red'], { JWT_SECRET }, /--colour/],
    [['token', '--user', 'a', '--expires', 'soon'], { JWT_SECRET }, /--expires must be a time/],
    [['token', '--user', 'a\u202eb'], { JWT_SECRET }, /claim "sub"/],
    [['token', '--user', 'a'], { DATA_DIR: ':memory:' }, /JWT_SECRET must be set/],
    [['serve'], { PORT: 'x' }, /^parley: PORT must be an integer/],
    [['serve'], { NODE_ENV: 'production', DATA_DIR: ':memory:' }, /must be set in production/],
    [
      ['serve'],
      { ALLOWED_ORIGINS: 'example', DATA_DIR: ':memory:' },
      /ALLOWED_ORIGINS.*not an origin/,
    ],
    [['dance'], {}, /^Usage:/],
  ]
  const results = await Promise.all(cases.map(([args, env]) => parley(args, env)))
  for (const [i, [args, , expected]] of cases.entries()) {
    const { code, stderr } = results[i] as Result
    t.equal(code, 1, args.join(' '))
    t.match(stderr, expected)
    t.notMatch(stderr, /\n {4}at /, 'no stack')
  }
  t.match(await parley(['--help']), { code: 0, stdout: /^Usage:/ })
})

t.test('parley check and salvage tell what a log has, and what is wrong with it', async (t) => {
  const dir = t.testdir()
  const [log, saved] = [join(dir, 'log'), join(dir, 'saved')]
  const store = await openLogStore({ dir: log })
  await store.start({ durability: 'commit', epoch: 'e' })
  const message = { offset: 1, time: 1, json: '{"room":"r","offset":1,"user":"u","id":"i"}' }
  await store.commit([
    { kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } },
    { kind: 'append', room: 1, user: 'u', id: 'i', message },
  ])
  await store.close()
  t.match(await parley(['check', log]), { code: 0, stdout: /data\.mdb is sound\n$/ })
  t.match(await parley(['salvage', log, saved]), { code: 0, stdout: /1 messages in 1 rooms/ })
  const path = join(saved, 'data.mdb')
  writeFileSync(path, readFileSync(path).fill(0x21, 2 * 4096))
  const damaged = await parley(['check', saved])
  t.match(damaged, { code: 1, stderr: /^parley: .*data\.mdb is damaged:\n {2}\S.*: page \d+ / })
  t.notMatch(damaged.stderr, /\n {4}at /, 'no stack')
  t.match(await parley(['salvage', saved, join(dir, 'rest')]), { stdout: /is damaged:\n/ })
  for (const args of [['check'], ['salvage', log], ['salvage', log, saved], ['check', dir]]) {
    const { code, stderr } = await parley(args)
    t.equal(code, 1)
    t.match(stderr, /^parley: [^\n]*(must be given|is not empty|is missing)/)
    t.notMatch(stderr, /\n {4}at /, args.join(' '))
  }
})
