import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Broker, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import { LogOwner } from '../../../../src/broker/workers/owner.js'
import { MAX_QUEUED } from '../../../../src/broker/workers/subscription.js'
import { createWorkersBroker } from '../../../../src/broker/workers/workers.js'
import { systemClock } from '../../../../src/clock.js'
import { LOG_FD } from '../../../../src/cluster/messages.js'
import { Recorder } from '../../../contract/recorder.js'
import type { Report, Task } from '../../../helpers/appender-tasks.js'
import { socketPair } from '../../../helpers/socket-pair.js'

const WORKER = fileURLToPath(new URL('../../../helpers/worker-appender.js', import.meta.url))
const READ = { limit: 10_000, maxLength: 1e8 }
const KILLS = 5
const MESSAGES = 2500

t.setTimeout(120_000)

t.test('workers that are killed lose and double nothing, and their members leave', async (t) => {
  const owner = await startOwner(t)
  const { broker, heard } = await startBroker(owner)
  await broker.subscribe('r')
  await broker.subscribe('here')
  const acknowledged = new Map<string, number>()
  const tasks: Task[] = range(1, MESSAGES).map((n) => ({ room: 'r', id: `m${n}` }))
  const killed: number[] = []
  for (let life = 0; life <= KILLS; life++) {
    const child = await startWorker(t, owner)
    const open = tasks.filter(({ id }) => !acknowledged.has(id))
    const again = tasks.filter(({ id }) => acknowledged.has(id)).slice(-20)
    const enough = acknowledged.size + Math.floor((Math.random() * MESSAGES) / KILLS)
    const done = new Promise<void>((resolve) => {
      child.on('message', (report: Report) => {
        if ('health' in report) resolve()
        if (!('stored' in report)) return
        const { stored, offset } = report
        const before = acknowledged.get(stored.id)
        if (before !== undefined && before !== offset) t.fail(`${stored.id}: ${before}, ${offset}`)
        acknowledged.set(stored.id, offset)
        if (life < KILLS && acknowledged.size >= enough) resolve()
      })
    })
    child.send([...again, ...open])
    await done
    killed.push(child.pid as number)
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    await heard.until(() => heard.presenceOf('here').length === 2 * killed.length)
  }
  t.equal(acknowledged.size, MESSAGES, 'all were acknowledged in the end')
  const { messages } = await broker.read('r', READ)
  const stored = new Map(messages.map(({ json, offset }) => [JSON.parse(json).id, offset]))
  t.same(
    [...stored].sort(),
    [...acknowledged].sort(),
    'each is there once, where it was said to be',
  )
  t.same(heard.messages('r'), messages, 'another worker heard each once, in order')
  t.same(
    heard.presenceOf('here').map(({ change, user, count }) => `${user} ${change} ${count}`),
    killed.flatMap((pid) => [`${pid} joined 1`, `${pid} left 0`]),
  )
})

t.test('a worker that does not read costs no more than a bound and misses nothing', async (t) => {
  const owner = await startOwner(t)
  const slow = await startBroker(owner)
  const { broker } = await startBroker(owner)
  for (const room of ['r', 'erased']) await slow.broker.subscribe(room)
  await slow.broker.append('erased', message(0))
  slow.near.pause()
  const text = JSON.stringify('x'.repeat(60_000))
  let most = 0
  for (const n of range(1, 700)) {
    await broker.append('r', { ...message(n), msg: text })
    if (n % 10 === 0) await broker.append('erased', { ...message(n), msg: text })
    most = Math.max(most, slow.far.writableLength)
  }
  t.ok(most > MAX_QUEUED && most < MAX_QUEUED + 1_000_000, `${most} bytes waited`)
  const { epoch } = await broker.erase('erased')
  await broker.append('erased', message(1))
  slow.near.resume()
  await slow.heard.until(() => slow.heard.offsets('r').length >= 700)
  t.same(slow.heard.offsets('r'), range(1, 700))
  await slow.heard.until(() => slow.heard.events('erased').at(-1)?.event === 'message')
  t.match(slow.heard.events('erased').slice(-2), [
    { event: 'reset', position: { epoch, offset: 0 } },
    { event: 'message', epoch, message: { offset: 1 } },
  ])
  await broker.append('r', message(701))
  await slow.heard.until(() => slow.heard.offsets('r').at(-1) === 701)
})

t.test('a worker for which retention was too fast is told where it goes on', async (t) => {
  const owner = await startOwner(t, { historyMessages: 50 })
  const slow = await startBroker(owner)
  const { broker } = await startBroker(owner)
  const { epoch } = await slow.broker.subscribe('r')
  slow.near.pause()
  const text = JSON.stringify('x'.repeat(60_000))
  for (const n of range(1, 500)) await broker.append('r', { ...message(n), msg: text })
  slow.near.resume()
  await slow.heard.until(() => slow.heard.offsets('r').at(-1) === 500)
  const events = slow.heard.events('r')
  const at = events.findIndex(({ event }) => event === 'reset')
  t.match(events[at], { position: { epoch, offset: 450 } })
  t.same(slow.heard.offsets('r'), [...range(1, at), ...range(451, 500)])
})

t.test('while the owner does not answer, health is red and calls are refused', async (t) => {
  const owner = await startOwner(t)
  const { broker, near } = await startBroker(owner)
  const before = await broker.append('r', message(1))
  near.pause()
  const open = broker.append('r', message(2))
  while (broker.health().ok) await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(broker.health(), { ok: false, reason: /does not answer/ })
  await t.rejects(broker.append('r', message(3)), StoreUnavailable)
  near.resume()
  t.same((await open).offset, before.offset + 1, 'what was under way is answered')
  while (!broker.health().ok) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal((await broker.append('r', message(3))).offset, before.offset + 2)
})

t.test('with the owner everything ends', async (t) => {
  const owner = await startOwner(t)
  let gone = false
  const { broker, far } = await startBroker(owner, () => {
    gone = true
  })
  const open = broker.read('r', READ)
  far.destroy()
  await t.rejects(open, StoreUnavailable)
  t.ok(gone)
  t.match(broker.health(), { ok: false, reason: /is gone/ })
  await t.rejects(broker.append('r', message(1)), StoreUnavailable)
})

async function startOwner(t: Test, limits = { historyMessages: 100_000 }): Promise<LogOwner> {
  const base = { clock: systemClock, onError: (error: unknown) => t.fail(String(error)) }
  const store = await openLogStore({ dir: t.testdir() })
  const options = { ...base, ...limits, store, durability: 'commit', historySeconds: 3600 } as const
  const owner = new LogOwner({ ...base, broker: createEmbeddedBroker(options) })
  await owner.start()
  t.teardown(() => owner.close())
  return owner
}

/** A worker's broker in this process. */
async function startBroker(owner: LogOwner, ownerGone = () => {}) {
  const [near, far] = await socketPair()
  owner.serve(far)
  const broker: Broker = createWorkersBroker({ stream: near, clock: systemClock, ownerGone })
  const heard = new Recorder()
  await broker.start(heard)
  return { broker, heard, near, far }
}

async function startWorker(t: Test, owner: LogOwner): Promise<ChildProcess> {
  const child = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  owner.serve(child.stdio[LOG_FD] as unknown as Duplex)
  await once(child, 'message')
  return child
}

function message(n: number) {
  return { id: `m${n}`, user: 'ann', nick: 'Ann', msg: String(n) }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
