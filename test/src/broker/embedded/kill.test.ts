import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import type { Durability } from '../../../../src/broker/embedded/store.js'
import { systemClock } from '../../../../src/clock.js'
import { Recorder } from '../../../contract/recorder.js'
import type { Report, Task } from '../../../helpers/appender-tasks.js'

const APPENDER = fileURLToPath(new URL('../../../helpers/appender.js', import.meta.url))
/** Bytes, small: many kills come while a segment of the journal is taken into the store. */
const SEGMENT = '8192'
const KILLS = 6
const MESSAGES = 3000

async function startAppender(t: Test, dir: string, durability: Durability): Promise<ChildProcess> {
  const child = fork(APPENDER, [dir, durability, SEGMENT], { env: { PATH: process.env.PATH } })
  t.teardown(() => child.kill('SIGKILL'))
  const [report] = await once(child, 'message')
  t.same(report, { started: child.pid }, 'it starts over what the last one left')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

for (const durability of ['commit', 'flush'] as const) {
  t.test(
    `what was acknowledged is there once, however often the process is killed, ${durability}`,
    {
      timeout: 120_000,
    },
    async (t) => {
      const dir = t.testdir()
      const tasks: Task[] = Array.from({ length: MESSAGES }, (_, n) => ({
        room: `room ${n % 3}`,
        id: `m${n}`,
      }))
      const acknowledged = new Map<string, string>()
      for (let life = 0; life <= KILLS; life++) {
        const child = await startAppender(t, dir, durability)
        const open = tasks.filter(({ id }) => !acknowledged.has(id))
        const last = life === KILLS
        // Some of what was acknowledged is sent again, too.
        const again = tasks.filter(({ id }) => acknowledged.has(id)).slice(-20)
        const until = acknowledged.size + Math.floor((Math.random() * MESSAGES) / KILLS)
        const done = new Promise<void>((resolve) => {
          child.on('message', (report: Report) => {
            if ('health' in report) resolve()
            if (!('stored' in report)) return
            const { stored, epoch, offset } = report
            const place = `${stored.room} ${epoch} ${offset}`
            const before = acknowledged.get(stored.id)
            if (before !== undefined && before !== place)
              t.fail(`${stored.id}: ${before}, ${place}`)
            acknowledged.set(stored.id, place)
            if (!last && acknowledged.size >= until) resolve()
          })
        })
        child.send([...again, ...open])
        await done
        await kill(child)
      }
      t.equal(acknowledged.size, MESSAGES, 'all were acknowledged in the end')

      const broker = createEmbeddedBroker({
        store: await openLogStore({ dir }),
        clock: systemClock,
        durability,
        historyMessages: 100_000,
        historySeconds: 86_400,
      })
      await broker.start(new Recorder())
      const stored = new Map<string, string>()
      for (const room of ['room 0', 'room 1', 'room 2']) {
        const page = await broker.read(room, { limit: 10_000, maxLength: 1e8 })
        t.same(
          page.messages.map(({ offset }) => offset),
          page.messages.map((_, n) => n + 1),
          `the offsets of ${room} have no hole`,
        )
        for (const { offset, json } of page.messages) {
          const { id } = JSON.parse(json)
          if (stored.has(id)) t.fail(`${id} is stored twice`)
          stored.set(id, `${room} ${page.epoch} ${offset}`)
        }
      }
      t.same(stored, acknowledged, 'at the place that was acknowledged')
      const repeats = await Promise.all(
        tasks.map(async ({ room, id }) => {
          const { epoch, offset, duplicate } = await broker.append(room, {
            id,
            user: 'ann',
            nick: 'Ann',
            msg: '1',
          })
          return duplicate && `${room} ${epoch} ${offset}` === acknowledged.get(id)
        }),
      )
      t.ok(repeats.every(Boolean), 'the ids agree with the log')
      await broker.close()
    },
  )
}

t.test('one process at a time has a directory', async (t) => {
  const dir = t.testdir()
  const holder = await startAppender(t, dir, 'commit')
  const expected = { message: `${dir} is in use by process ${holder.pid}` }
  const refused = (name: string) =>
    t.rejects(openLogStore({ dir }), { message: new RegExp(`^${expected.message}:`) }, name)
  await refused('while it runs')
  holder.kill('SIGSTOP')
  await refused('while it is stopped')
  await kill(holder)
  const next = await openLogStore({ dir })
  await t.rejects(openLogStore({ dir }), { message: /is in use by process/ }, 'twice in a process')
  await next.close()
  await (await openLogStore({ dir })).close()
})
