import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { LmdbEnvironment } from '../../../../src/broker/embedded/lmdb-environment.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import { systemClock } from '../../../../src/clock.js'
import { Recorder } from '../../../contract/recorder.js'
import type { Report, Task } from '../../../helpers/appender-tasks.js'

const APPENDER = fileURLToPath(new URL('../../../helpers/appender.js', import.meta.url))

const bytes = (text: string) => Buffer.from(text)

t.test('a write is visible, then flushed', async (t) => {
  const environment = await LmdbEnvironment.open(t.testdir())
  const { root } = environment
  const order: string[] = []
  for (let n = 0; n < 50; n++) {
    const written = environment.write(() => void root.put(`key ${n}`, bytes(`value ${n}`)))
    await written.visible.then(() => order.push('visible'))
    t.equal(String(root.get(`key ${n}`)), `value ${n}`)
    await written.flushed.then(() => order.push('flushed'))
  }
  t.same(order, Array(50).fill(['visible', 'flushed']).flat())
  await environment.close()
})

t.test('writes that overlap with the flush of earlier ones lose nothing', async (t) => {
  const dir = t.testdir()
  const environment = await LmdbEnvironment.open(dir)
  const flushes: Promise<void>[] = []
  for (let n = 0; n < 200; n++) {
    const written = environment.write(() => void environment.root.put(`key ${n}`, bytes('x')))
    flushes.push(written.flushed)
    await written.visible
  }
  await Promise.all(flushes)
  await environment.close()
  const again = await LmdbEnvironment.open(dir)
  for (let n = 0; n < 200; n++) if (again.root.get(`key ${n}`) === undefined) t.fail(`key ${n}`)
  t.pass()
  await again.close()
})

t.test('a transaction that fails leaves nothing, says why and does not end the next', async (t) => {
  const environment = await LmdbEnvironment.open(t.testdir())
  const { root } = environment
  const closed = root.openDB<Buffer, string>('closed', { encoding: 'binary' })
  ;(closed as unknown as { db: { dbi: number } }).db.dbi = 999
  const failed = environment.write(() => {
    void root.put('a', bytes('1'))
    void closed.put('b', bytes('2'))
  })
  await t.rejects(failed.visible, { message: /^writing to .* failed: / })
  await t.rejects(failed.flushed)
  t.equal(root.get('a'), undefined)
  await environment.write(() => void root.put('a', bytes('2'))).flushed
  t.equal(String(root.get('a')), '2')
  environment.check()
  await environment.close()
})

const STRACE =
  spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0 ? '' : ': strace cannot be run'

/** Small, so that the journal is taken into the store many times. */
const SEGMENT = 32 * 1024

for (const [name, inject, lasting, segmentSize] of [
  ['cannot write', 'pwrite64:error=EIO:when=40+', true, 0],
  ['fails at times', 'pwrite64:error=ENOSPC:when=40+25', false, 0],
  ['cannot flush', 'fdatasync:error=EIO:when=8+', true, 0],
  ['cannot write', 'pwrite64:error=EIO:when=40+', true, SEGMENT],
  ['fails at times', 'pwrite64:error=ENOSPC:when=40+25', false, SEGMENT],
  ['cannot flush', 'fdatasync:error=EIO:when=8+', true, SEGMENT],
] as const) {
  const journal = segmentSize === 0 ? '' : ', with a journal'
  t.test(
    `a disk that ${name} makes nothing acknowledged that is not there${journal}${STRACE}`,
    { skip: STRACE !== '' && process.env.REQUIRE_SERVICES !== '1', timeout: 120_000 },
    async (t) => {
      const dir = t.testdir()
      const tasks = Array.from({ length: 6000 }, (_, n) => ({ room: 'r', id: `m${n}` }))
      const { stored, refused, health } = await appendUnder(t, inject, segmentSize, dir, tasks)
      // Without `health` the process died: a write that fails can damage the heap (lmdb 3.5).
      if (lasting && health !== undefined) {
        t.ok(refused > 0, 'some were refused')
        t.match(health, { ok: false })
      }
      const broker = createEmbeddedBroker({
        store: await openLogStore({ dir }),
        clock: systemClock,
        durability: 'commit',
        historyMessages: 20_000,
        historySeconds: 3600,
      })
      await broker.start(new Recorder())
      const { messages } = await broker.read('r', { limit: 20_000, maxLength: 1e8 })
      const places = new Map(messages.map(({ offset, json }) => [JSON.parse(json).id, offset]))
      t.equal(places.size, messages.length, 'no message is there twice')
      for (const [id, offset] of stored) {
        if (places.get(id) !== offset) t.fail(`${id} is at ${places.get(id)}, not ${offset}`)
      }
      const before = messages.length
      const message = { user: 'ann', nick: 'Ann', msg: '1' }
      const results = await Promise.all(
        tasks.map(({ room, id }) => broker.append(room, { ...message, id })),
      )
      t.equal(results.filter(({ duplicate }) => duplicate).length, before)
      t.same(new Set(results.map(({ offset }) => offset)).size, tasks.length)
      await broker.close()
    },
  )
}

/** Appends in a process whose system calls fail as told, until all are answered or it died. */
async function appendUnder(
  t: Test,
  inject: string,
  segmentSize: number,
  dir: string,
  tasks: readonly Task[],
) {
  const stored = new Map<string, number>()
  let refused = 0
  let health: { ok: boolean } | undefined
  const traced = ['-f', '-o', '/dev/null', '-e', `trace=${inject.split(':')[0]}`]
  const child = spawn(
    'strace',
    [
      ...traced,
      '-e',
      `inject=${inject}`,
      process.execPath,
      APPENDER,
      dir,
      'commit',
      String(segmentSize),
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: { PATH: process.env.PATH } },
  )
  // The traced process outlives strace: it is ended itself, and strace with it.
  let pid: number | undefined
  const kill = () => {
    const running = child.exitCode === null && child.signalCode === null
    if (pid !== undefined && running) process.kill(pid, 'SIGKILL')
  }
  t.teardown(kill)
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.on('message', (report: Report) => {
      if ('started' in report) {
        pid = report.started
        child.send(tasks)
      }
      if ('stored' in report) stored.set(report.stored.id, report.offset)
      if ('refused' in report) refused++
      if ('health' in report) {
        health = report.health
        kill()
      }
    })
  })
  return { stored, refused, health }
}
