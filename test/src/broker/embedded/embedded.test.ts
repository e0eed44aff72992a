import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Broker, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { Heads } from '../../../../src/broker/embedded/heads.js'
import { Log } from '../../../../src/broker/embedded/log.js'
import { createMemoryStore } from '../../../../src/broker/embedded/memory-store.js'
import { compareCodePoints, SortedNames } from '../../../../src/broker/embedded/sorted-names.js'
import type { Change, Durability } from '../../../../src/broker/embedded/store.js'
import { Recorder } from '../../../contract/recorder.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { FaultyStore } from '../../../helpers/faulty-store.js'

const READ = { limit: 1000, maxLength: 1e8 }

interface Bench {
  readonly broker: Broker
  readonly faults: FaultyStore
  readonly clock: FakeClock
  readonly heard: Recorder
  readonly errors: string[]
}

async function bench(t: Test, options: Partial<Parameters<typeof createEmbeddedBroker>[0]> = {}) {
  const clock = new FakeClock()
  const faults = new FaultyStore(createMemoryStore())
  const errors: string[] = []
  const broker = createEmbeddedBroker({
    store: faults.store,
    clock,
    durability: 'commit',
    historyMessages: 1000,
    historySeconds: 86_400,
    onError: (error, what) => errors.push(`${what}: ${String(error)}`),
    ...options,
  })
  const heard = new Recorder()
  await broker.start(heard)
  t.teardown(() => {
    faults.fate = 'done'
    faults.release()
    return broker.close()
  })
  return { broker, faults, clock, heard, errors } satisfies Bench
}

const send = (broker: Broker, room: string, id: number | string) =>
  broker.append(room, { id: String(id), user: 'ann', nick: 'Ann', msg: '1' })

async function fill(broker: Broker, room: string, from: number, to: number): Promise<void> {
  const calls: Promise<unknown>[] = []
  for (let n = from; n <= to; n++) calls.push(send(broker, room, n))
  await Promise.all(calls)
}

/** Lets time pass in steps, with turns of the event loop between them. */
async function pass(clock: FakeClock, seconds: number, step = 1): Promise<void> {
  for (let s = 0; s < seconds; s += step) {
    clock.advance(step * 1000)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  }
}

t.test('group commit', async (t) => {
  t.test('what is appended in one turn and while a commit lasts is written together', async (t) => {
    const { broker, faults } = await bench(t)
    faults.held = true
    const first = [1, 2, 3].map((n) => send(broker, 'r', n))
    while (faults.commits === 0) await new Promise(setImmediate)
    const second = [4, 5, 6].map((n) => send(broker, 'r', n))
    faults.release()
    await Promise.all([...first, ...second])
    t.equal(faults.commits, 2)
  })

  t.test('nobody sees a message before it is in the log', async (t) => {
    const { broker, faults, heard } = await bench(t)
    await broker.subscribe('r')
    faults.held = true
    let stored = false
    const appended = send(broker, 'r', 1).then(() => {
      stored = true
    })
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    t.same([stored, heard.offsets('r')], [false, []])
    t.match(await broker.read('r', READ), { offset: 0, messages: [] })
    t.match(await broker.subscribe('r'), { offset: 0 })
    faults.release()
    await appended
    t.same(heard.offsets('r'), [1])
  })

  t.test('more than may wait is refused at once', async (t) => {
    const store = createMemoryStore()
    const faults = new FaultyStore(store)
    const log = new Log({
      store: faults.store,
      heads: new Heads(store),
      clock: new FakeClock(),
      durability: 'commit',
      maxQueued: 10,
      maxQueuedLength: 1000,
      onError: () => {},
      events: { message() {}, reset() {} },
    })
    await log.start()
    const append = (id: string, msg: string) => log.append('r', { id, user: 'u', nick: 'n', msg })
    const accepted = Array.from({ length: 10 }, (_, n) => append(`a${n}`, '1'))
    await t.rejects(append('b', '1'), { name: 'StoreUnavailable', message: /too many/ })
    await Promise.all(accepted)
    const long = append('c', JSON.stringify('x'.repeat(1000)))
    await t.rejects(append('d', '1'), StoreUnavailable)
    await long
    await append('e', '1')
    await log.close()
  })

  t.test('many appends are written in several commits, in order', async (t) => {
    const { broker, faults } = await bench(t, { historyMessages: 100_000 })
    await fill(broker, 'r', 1, 4500)
    t.equal(faults.commits, 5)
    const { messages } = await broker.read('r', { ...READ, limit: 5000 })
    t.ok(messages.every(({ json }, n) => JSON.parse(json).id === String(n + 1)))
  })

  t.test('a handler that throws is reported and does no harm', async (t) => {
    const { broker, heard, errors } = await bench(t)
    await broker.subscribe('r')
    heard.message = () => {
      throw new Error('a bug')
    }
    t.match(await send(broker, 'r', 1), { offset: 1 })
    t.match(await send(broker, 'r', 2), { offset: 2 })
    t.same(errors, Array(2).fill('a broker handler threw: Error: a bug'))
  })

  t.test(
    'a part of the store that cannot be read is the problem of those who ask for it',
    async (t) => {
      const { broker, faults } = await bench(t)
      const find = faults.store.find
      Object.assign(faults.store, {
        find: (room: number, user: string, id: string) => {
          if (id === 'bad') throw new Error('a page is damaged')
          return find(room, user, id)
        },
      })
      await send(broker, 'r', 1)
      const [bad, good] = await Promise.allSettled([send(broker, 'r', 'bad'), send(broker, 'r', 2)])
      t.match(bad, { reason: { name: 'StoreUnavailable', message: /a page is damaged/ } })
      t.match(good, { value: { offset: 2 } })
      t.same(broker.health(), { ok: true })
    },
  )

  t.test('what cannot be read at all rejects as unavailable', async (t) => {
    const { broker, faults } = await bench(t)
    const failing = () => {
      throw new Error('no disk')
    }
    Object.assign(faults.store, { room: failing, roomNames: failing })
    const unavailable = { name: 'StoreUnavailable', message: /cannot be read: Error: no disk/ }
    await t.rejects(broker.read('r', READ), unavailable)
    await t.rejects(broker.subscribe('r'), unavailable)
    await t.rejects(broker.rooms({ limit: 1 }), unavailable)
  })
})

t.test('a store that fails', async (t) => {
  t.test('refuses what was and is sent, says why, and recovers by itself', async (t) => {
    const { broker, faults, clock, heard, errors } = await bench(t)
    await broker.subscribe('r')
    await send(broker, 'r', 1)
    faults.fate = 'failed'
    const since = clock.now()
    const calls = [send(broker, 'r', 2), send(broker, 'r', 3), broker.erase('r')]
    for (const call of calls) {
      await t.rejects(call, {
        name: 'StoreUnavailable',
        retryAfter: 1000,
        message: /commit failed/,
      })
    }
    t.same(broker.health(), { ok: false, since, reason: 'commit failed' })
    const commits = faults.commits
    await t.rejects(send(broker, 'r', 4), StoreUnavailable)
    t.equal(faults.commits, commits, 'without trying again for each message')
    t.match(await broker.read('r', READ), { offset: 1 }, 'reading goes on')
    await pass(clock, 60)
    t.ok(faults.commits - commits < 8, 'it is probed less and less often')
    t.match(broker.health(), { ok: false, since })
    faults.fate = 'done'
    await pass(clock, 40)
    t.same(broker.health(), { ok: true })
    t.match(await send(broker, 'r', 2), { offset: 2, duplicate: false })
    t.same(heard.offsets('r'), [1, 2])
    t.same(errors, ['the log cannot be written: Error: commit failed'], 'reported once')
  })

  for (const [fate, durability] of [
    ['done but reported failed', 'commit'],
    ['not flushed', 'flush'],
  ] as const) {
    t.test(`what is in the log after all is delivered once: ${fate}`, async (t) => {
      const { broker, faults, clock, heard } = await bench(t, { durability })
      await broker.subscribe('r')
      await send(broker, 'r', 1)
      faults.fate = fate
      const calls = [send(broker, 'r', 2), send(broker, 'r', 3), send(broker, 'new', 1)]
      for (const call of calls) await t.rejects(call, StoreUnavailable)
      t.same(heard.offsets('r'), [1])
      faults.fate = 'done'
      await pass(clock, 3)
      t.same(heard.offsets('r'), [1, 2, 3])
      t.match(await send(broker, 'r', 3), { offset: 3, duplicate: true })
      t.match(await send(broker, 'r', 4), { offset: 4, duplicate: false })
      t.match(await send(broker, 'new', 1), { offset: 1, duplicate: true })
    })
  }

  t.test('an erasure that happened after all resets the room', async (t) => {
    const { broker, faults, clock, heard } = await bench(t)
    const { epoch } = await send(broker, 'r', 1)
    await broker.subscribe('r')
    faults.fate = 'done but reported failed'
    await t.rejects(broker.erase('r'), StoreUnavailable)
    faults.fate = 'done'
    await pass(clock, 3)
    const [reset] = heard.events('r')
    t.match(reset, { event: 'reset', position: { offset: 0 } })
    const next = await send(broker, 'r', 1)
    t.not(next.epoch, epoch)
    t.match(next, { offset: 1, duplicate: false })
  })

  t.test('a repeat of what is stored is answered even by a batch that fails', async (t) => {
    const { broker, faults } = await bench(t)
    await send(broker, 'r', 1)
    faults.fate = 'failed'
    const [repeat, fresh] = await Promise.allSettled([send(broker, 'r', 1), send(broker, 'r', 2)])
    t.match(repeat, { value: { offset: 1, duplicate: true } })
    t.match(fresh, { status: 'rejected' })
  })

  t.test('a commit that does not end turns the health red until it ends', async (t) => {
    const { broker, faults, clock } = await bench(t)
    faults.held = true
    const since = clock.now()
    const appended = send(broker, 'r', 1)
    while (faults.commits === 0) await new Promise(setImmediate)
    clock.advance(9999)
    t.same(broker.health(), { ok: true })
    clock.advance(1)
    t.same(broker.health(), { ok: false, since, reason: 'a commit has not finished for 10000 ms' })
    faults.release()
    await appended
    t.same(broker.health(), { ok: true })
  })

  t.test('a problem that the store sees by itself turns the health red', async (t) => {
    const { broker, faults } = await bench(t)
    Object.assign(faults.store, { problem: () => 'the file is gone' })
    t.match(broker.health(), { ok: false, reason: 'the file is gone' })
    await t.rejects(send(broker, 'r', 1), StoreUnavailable)
  })
})

t.test('retention', async (t) => {
  const limits = { historyMessages: 10, historySeconds: 3600, dedupeSeconds: 600 }

  /** What of a room is in the store. */
  const stored = ({ faults }: Bench, room: string) => {
    const key = faults.store.room(room)?.key ?? 0
    const oldest = faults.store.oldest(key)
    return [oldest?.offset, faults.store.newest(key)?.offset]
  }

  t.test('removes by count what is older than the dedupe window', async (t) => {
    const it = await bench(t, limits)
    const { broker, clock } = it
    await fill(broker, 'r', 1, 500)
    await pass(clock, 300)
    t.same(stored(it, 'r'), [1, 500], 'ids are remembered for ten minutes')
    t.match(await send(broker, 'r', 1), { offset: 1, duplicate: true })
    await pass(clock, 330)
    t.same(stored(it, 'r'), [491, 500])
    t.match(await broker.read('r', { ...READ, after: 0 }), { first: 491, offset: 500 })
    t.match(await send(broker, 'r', 1), { offset: 501, duplicate: false })
    t.match(await send(broker, 'r', 495), { offset: 495, duplicate: true })
  })

  t.test('hides by age at once and removes soon', async (t) => {
    const it = await bench(t, limits)
    const { broker, clock } = it
    await fill(broker, 'r', 1, 3)
    clock.advance(1_800_000)
    await fill(broker, 'r', 4, 6)
    clock.advance(1_799_999)
    t.match(await broker.read('r', { ...READ, after: 0 }), { first: 1 })
    clock.advance(2)
    const page = await broker.read('r', { ...READ, after: 0 })
    t.match(page, { first: 4, offset: 6 })
    t.equal(page.messages.length, 3)
    await pass(clock, 30)
    t.same(stored(it, 'r'), [4, 6])
    clock.advance(1_900_000)
    t.same(await broker.read('r', READ), { ...page, first: 7, messages: [], more: false })
    t.equal(await broker.room('r'), undefined, 'a room without messages is not listed')
  })

  t.test('works in slices, messages first', async (t) => {
    const { broker, clock, faults } = await bench(t, limits)
    await fill(broker, 'r', 1, 1500)
    for (let n = 0; n < 250; n++) await send(broker, `room ${n}`, 1)
    const sizes: number[] = []
    const commit = faults.store.commit
    Object.assign(faults.store, {
      commit: (changes: readonly Change[]) => {
        sizes.push(changes.length)
        return commit(changes)
      },
    })
    await pass(clock, 640)
    t.same(sizes.slice(0, 8), [201, 201, 201, 201, 201, 201, 201, 91])
    const first = clock.now()
    await pass(clock, 3600)
    t.ok(clock.now() > first)
    t.equal((await broker.rooms({ limit: 1000 })).rooms.length, 0)
  })

  t.test('forgets rooms that are empty, and never uses an epoch again', async (t) => {
    const { broker, clock, faults } = await bench(t, limits)
    const { epoch } = await send(broker, 'r', 1)
    await send(broker, 'kept', 1)
    await broker.subscribe('kept')
    await send(broker, 'entered', 1)
    await broker.enter('entered', { user: 'ann', nick: 'Ann' })
    const waiting = await broker.subscribe('waiting')
    t.equal(waiting.epoch, epoch, 'rooms without messages share an epoch')
    await pass(clock, 4000, 10)
    t.same(faults.store.roomNames({ limit: 10 }), ['entered', 'kept'])
    const next = await send(broker, 'r', 1)
    t.not(next.epoch, epoch)
    t.match(next, { offset: 1, duplicate: false })
    t.equal((await send(broker, 'kept', 2)).offset, 2)
    t.equal((await send(broker, 'waiting', 1)).epoch, epoch, 'who waits keeps the epoch')
    await broker.leave('entered', 'ann')
    await pass(clock, 400, 10)
    t.same(faults.store.roomNames({ limit: 10 }), ['kept', 'r', 'waiting'])
  })

  t.test('keeps a room that was erased until its members can be back', async (t) => {
    const { broker, clock } = await bench(t, limits)
    await send(broker, 'r', 1)
    const { epoch } = await broker.erase('r')
    await pass(clock, 240, 10)
    t.equal((await broker.erase('r')).epoch === epoch, false)
    const erased = await broker.subscribe('r')
    t.equal(erased.offset, 0)
    await broker.unsubscribe('r')
    await pass(clock, 240, 10)
    t.same(await broker.subscribe('r'), erased, 'each erasure begins anew, and so does each visit')
    await broker.unsubscribe('r')
    await pass(clock, 400, 10)
    t.not((await broker.subscribe('r')).epoch, erased.epoch, 'in the end it is forgotten')
  })

  t.test('goes on after a failure', async (t) => {
    const it = await bench(t, limits)
    const { broker, clock, faults } = it
    await fill(broker, 'r', 1, 50)
    clock.advance(590_000)
    faults.fate = 'done but reported failed'
    await pass(clock, 60)
    faults.fate = 'done'
    await pass(clock, 60)
    t.same(stored(it, 'r'), [41, 50])
    t.match(await send(broker, 'r', 'next'), { offset: 51 })
  })
})

t.test('heads of rooms that nobody uses are not kept', async (t) => {
  const store = createMemoryStore()
  await store.start({ durability: 'commit', epoch: 'e' })
  for (let n = 1; n <= 5; n++) {
    const record = { key: n, epoch: 'e', trimmed: n }
    await store.commit([{ kind: 'room', name: `r${n}`, record }])
  }
  const heads = new Heads(store, 2)
  const [one, two] = [heads.get('r1'), heads.get('r2')]
  t.equal(heads.get('r1'), one)
  heads.get('r3')
  t.equal(heads.get('r1'), one, 'used last')
  t.not(heads.get('r2'), two, 'used first')
  const subscribed = heads.subscribe('r4')
  for (const room of ['r1', 'r2', 'r3', 'r5']) heads.get(room)
  t.equal(heads.get('r4'), subscribed)
  heads.unsubscribe('r4')
  heads.unsubscribe('r9')
  heads.get('r1')
  heads.get('r2')
  t.not(heads.get('r4'), subscribed)
})

t.test('names in order', async (t) => {
  const reference = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

  t.test('are compared as their UTF-8 bytes are', async (t) => {
    const text = fc.string({ unit: 'binary', maxLength: 6 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        return Math.sign(compareCodePoints(a, b)) === reference(a, b)
      }),
      { examples: [['\u{1F600}', '\uFFFD']] },
    )
    t.pass()
  })

  t.test('stay a sorted set', async (t) => {
    const names = fc.array(fc.string({ maxLength: 2 }), { maxLength: 3000, size: 'max' })
    fc.assert(
      fc.property(names, fc.string({ maxLength: 2 }), (toggled, from) => {
        const sorted = new SortedNames()
        const expected = new Set<string>()
        for (const name of toggled) {
          if (expected.delete(name)) sorted.delete(name)
          else {
            expected.add(name)
            sorted.add(name)
          }
        }
        const all = [...expected].sort(reference)
        return (
          sorted.size === all.length &&
          String([...sorted.from('')]) === String(all) &&
          String([...sorted.from(from)]) === String(all.filter((n) => reference(n, from) >= 0))
        )
      }),
      { numRuns: 30 },
    )
    const sorted = new SortedNames()
    sorted.delete('never added')
    t.equal(sorted.size, 0)
  })

  t.test('a large room pages its members without sorting them each time', async (t) => {
    const { broker } = await bench(t)
    const users = Array.from({ length: 5000 }, (_, n) => `user ${n}`)
    for (const user of users) {
      await broker.enter('r', { user, nick: user })
      const page = await broker.members('r', { limit: 100 })
      if (page.members.length > 100) t.fail('a page is too long')
    }
    const seen: string[] = []
    for (let more = true; more; ) {
      const after = seen.at(-1)
      const page = await broker.members('r', { limit: 1000, ...(after && { after }) })
      seen.push(...page.members.map(({ user }) => user))
      more = page.more
    }
    t.same(seen, users.sort(reference))
  })
})

t.test('durability decides whether a commit waits for the flush', async (t) => {
  const flushes = async (durability: Durability) => {
    const { broker, faults } = await bench(t, { durability })
    let count = 0
    Object.assign(faults.store, {
      flush: async () => {
        count++
      },
    })
    await send(broker, 'r', 1)
    return count
  }
  t.equal(await flushes('commit'), 0)
  t.equal(await flushes('flush'), 1)
})
