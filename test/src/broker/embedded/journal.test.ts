import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Broker, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { hashOfId } from '../../../../src/broker/embedded/id-filter.js'
import { Journal } from '../../../../src/broker/embedded/journal.js'
import { writeHeader } from '../../../../src/broker/embedded/journal-codec.js'
import { JournalFile } from '../../../../src/broker/embedded/journal-file.js'
import { readJournal } from '../../../../src/broker/embedded/journal-reading.js'
import { JournaledStore } from '../../../../src/broker/embedded/journaled-store.js'
import { openLmdbStore } from '../../../../src/broker/embedded/lmdb-store.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import type { Durability, LogStore, RoomRecord } from '../../../../src/broker/embedded/store.js'
import { Recorder } from '../../../contract/recorder.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { MemoryDisk } from '../../../helpers/memory-journal.js'
import { mountSmallDisk, noSmallDisk } from '../../../helpers/small-disk.js'

const READ = { limit: 1000, maxLength: 1e8 }

interface Opened {
  readonly broker: Broker
  readonly store: LogStore
  readonly clock: FakeClock
}

interface Settings {
  readonly segmentSize?: number
  readonly durability?: Durability
  readonly bootId?: string
}

async function openBroker(t: Test, dir: string, settings: Settings = {}): Promise<Opened> {
  const { durability = 'commit', bootId = 'boot 1', segmentSize } = settings
  const clock = new FakeClock()
  const store = await openLogStore({ dir, bootId, ...(segmentSize && { segmentSize }) })
  const limits = { historyMessages: 100_000, historySeconds: 86_400 }
  const broker = createEmbeddedBroker({ store, clock, durability, ...limits })
  await broker.start(new Recorder())
  t.teardown(() => broker.close())
  return { broker, store, clock }
}

/** Appends one message. Resolves with its offset, or undefined when it was refused. */
async function append(broker: Broker, room: string, id: string, length = 10) {
  const msg = JSON.stringify('x'.repeat(length))
  try {
    return (await broker.append(room, { id, user: 'ann', nick: 'Ann', msg })).offset
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    return undefined
  }
}

async function idsOf(broker: Broker, room: string): Promise<string[]> {
  const { messages } = await broker.read(room, READ)
  return messages.map(({ json }) => JSON.parse(json).id)
}

/** What a process that was killed now would leave. */
function killed(dir: string, name: string): string {
  const copy = `${dir}-${name}`
  rmSync(copy, { recursive: true, force: true })
  cpSync(dir, copy, { recursive: true, filter: (path) => !/lock-[^/]*$/.test(path) })
  return copy
}

const journalOf = (dir: string, index: number) => join(dir, `journal.${index}`)

/** A store over a disk in memory, as the process sees it that starts now. */
async function openMemory(disk: MemoryDisk): Promise<LogStore> {
  const { base, open } = disk.life()
  const journal = new Journal({ base, open, seed: () => ++seeds, segmentSize: 1000 })
  await journal.start()
  const store = new JournaledStore(base, journal)
  await store.start({ durability: 'commit', epoch: 'e' })
  disk.lastEnd = 'killed'
  return store
}

let seeds = 0

t.test(
  'what was sent in an earlier life is found, before and after its ids were read',
  async (t) => {
    const dir = t.testdir()
    const ids = Array.from({ length: 1200 }, (_, n) => `m${n}`)
    const { broker } = await openBroker(t, dir)
    const stored = await Promise.all(ids.map((id) => append(broker, 'r', id)))
    await broker.close()

    const base = await openLmdbStore({ dir })
    const open = (index: number) => JournalFile.open(journalOf(dir, index))
    const journal = new Journal({ base, open, seed: () => ++seeds, ids: { slice: 100 } })
    await journal.start()
    const store = new JournaledStore(base, journal)
    await store.start({ durability: 'commit', epoch: 'e' })
    t.teardown(() => store.close())
    const { key } = store.room('r') as RoomRecord
    const found = () => ids.map((id) => store.find(key, 'ann', id)?.offset)
    const isNew = hashOfId(key, 'ann', 'new')
    t.ok(journal.ids.mayBeInBase(isNew))
    t.strictSame(found(), stored, 'before')
    while (journal.ids.mayBeInBase(isNew)) await new Promise(setImmediate)
    t.strictSame(found(), stored, 'after')
    t.equal(store.find(key, 'ann', 'new'), undefined)
    t.equal(store.find(key, 'bob', 'm1'), undefined)
  },
)

t.test('a batch that was torn is dropped, whatever is left of it', async (t) => {
  const disk = new MemoryDisk()
  const store = await openMemory(disk)
  const record = { key: 1, epoch: 'e', trimmed: 0 }
  await store.commit([{ kind: 'room', name: 'r', record }])
  for (let offset = 1; offset <= 3; offset++) {
    const message = { offset, time: 1000 + offset, json: `{"n":"${offset} ä"}` }
    await store.commit([{ kind: 'append', room: 1, user: 'ann', id: `m${offset}`, message }])
  }
  const written = Buffer.from(disk.files[1])
  const counts = new Set<number>()
  const tails = [Buffer.alloc(0), Buffer.alloc(200), written.subarray(32), Buffer.alloc(200, 0xff)]
  for (let size = 32; size <= written.length; size++) {
    for (const tail of tails) {
      const torn = new MemoryDisk()
      torn.files[1] = Buffer.concat([written.subarray(0, size), tail])
      torn.lastEnd = 'killed'
      const next = await openMemory(torn)
      const found = next.room('r') ? [...next.messages(1, 1, 9)] : []
      const sound = found.every(({ offset, json }, i) => {
        return offset === i + 1 && json === `{"n":"${i + 1} ä"}`
      })
      if (!sound) t.fail(`${size} bytes: ${JSON.stringify(found)}`)
      if (found.length > 0 && next.find(1, 'ann', 'm1')?.offset !== 1) t.fail('no id')
      counts.add(found.length)
    }
  }
  t.same([...counts].sort(), [0, 1, 2, 3], 'and what was whole is there')
})

t.test('a batch that was damaged later is told, unless a power cut explains it', async (t) => {
  const disk = new MemoryDisk()
  const store = await openMemory(disk)
  await store.commit([{ kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } }])
  for (let offset = 1; offset <= 2; offset++) {
    const message = { offset, time: 1000, json: '{}' }
    await store.commit([{ kind: 'append', room: 1, user: 'ann', id: `m${offset}`, message }])
  }
  const at = disk.files[1].indexOf('{}')
  disk.files[1][at] = 0x5b
  await t.rejects(openMemory(disk), { message: /journal.1 has a damaged batch before whole ones/ })
  disk.lastEnd = 'cut'
  const cut = await openMemory(disk)
  t.same([...cut.messages(1, 1, 9)], [])
})

t.test('a segment that does not follow the one before is not taken in', async (t) => {
  const disk = new MemoryDisk()
  const store = await openMemory(disk)
  const header = Buffer.from(disk.files[1])
  await store.commit([{ kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } }])
  disk.files[0] = Buffer.alloc(32)
  writeHeader({ number: 2, previousEnd: disk.files[1].length, seed: 1 }, disk.files[0])
  disk.files[1] = header
  await t.rejects(openMemory(disk), { message: /journal.0 does not follow/ })
  disk.lastEnd = 'cut'
  t.equal((await openMemory(disk)).room('r'), undefined, 'a power cut may have taken it')
})

t.test('a batch that an empty segment is too small for is there after a kill', async (t) => {
  const disk = new MemoryDisk()
  const { base, open, end } = disk.life()
  const journal = new Journal({ base, open, seed: () => ++seeds, segmentSize: 1000 })
  await journal.start()
  const store = new JournaledStore(base, journal)
  const append = (offset: number, length: number) => {
    const message = { offset, time: 1000, json: JSON.stringify('x'.repeat(length)) }
    return store.commit([{ kind: 'append', room: 1, user: 'ann', id: `m${offset}`, message }])
  }
  await store.commit([{ kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } }])
  await append(1, 10)
  await journal.absorbAll()
  disk.slowness = 10
  disk.lastEnd = 'killed'
  await append(2, 1000)
  end()
  const next = await openMemory(disk)
  t.same(
    Array.from(next.messages(1, 1, 9), ({ offset }) => offset),
    [1, 2],
  )
})

t.test('no file is opened while the journal goes on', async (t) => {
  const disk = new MemoryDisk()
  const { base, open } = disk.life()
  let opened = 0
  const counting = (index: number) => {
    opened++
    return open(index)
  }
  const journal = new Journal({ base, open: counting, seed: () => ++seeds, segmentSize: 500 })
  await journal.start()
  const store = new JournaledStore(base, journal)
  await store.commit([{ kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } }])
  for (let offset = 1; offset <= 50; offset++) {
    const message = { offset, time: 1, json: '{}' }
    await store.commit([{ kind: 'append', room: 1, user: 'ann', id: `m${offset}`, message }])
  }
  t.equal(store.newest(1)?.offset, 50)
  t.equal(opened, 2)
})

t.test('the journal is taken in, over and over, whatever the size of a message', async (t) => {
  const dir = join(t.testdir(), 'data')
  const settings = { segmentSize: 4000 }
  const { broker, store } = await openBroker(t, dir, settings)
  const rooms = ['a', 'b', 'ü']
  const ids = Array.from({ length: 90 }, (_, n) => `m${n}`)
  for (const [n, id] of ids.entries()) {
    await append(broker, rooms[n % 3] as string, id, n === 40 ? 20_000 : 100)
  }
  const stored = async (from: Broker) => {
    const found = await Promise.all(rooms.map((room) => idsOf(from, room)))
    return found.flat().sort()
  }
  t.same(await stored(broker), [...ids].sort())
  t.same(store.roomNames({ limit: 2 }), ['a', 'b'])
  t.same(store.roomNames({ limit: 2, after: 'a' }), ['b', 'ü'])
  await broker.close()
  const next = await openBroker(t, dir, settings)
  t.same(await stored(next.broker), [...ids].sort(), 'also after a restart')
})

t.test('rooms and messages are found wherever they are', async (t) => {
  const dir = join(t.testdir(), 'data')
  const first = await openBroker(t, dir)
  for (const id of ['1', '2', '3']) await append(first.broker, 'old', id)
  await first.broker.close()
  const { broker, store } = await openBroker(t, dir)
  for (const id of ['4', '5', '2']) await append(broker, 'old', id)
  await append(broker, 'new', '1')
  const key = store.room('old')?.key as number
  const offsets = (from: number, to: number) =>
    [...store.messages(key, from, to)].map(({ offset }) => offset)
  t.same(offsets(1, 9), [1, 2, 3, 4, 5])
  t.same(offsets(9, 1), [5, 4, 3, 2, 1], 'backwards from behind the end')
  t.same(offsets(4, 2), [4, 3, 2])
  t.same(offsets(2, 3), [2, 3])
  t.same(offsets(5, 5), [5])
  t.same([store.oldest(key)?.offset, store.newest(key)?.offset], [1, 5])
  t.same(store.roomNames({ limit: 9 }), ['new', 'old'])
  t.same(store.roomNames({ limit: 9, prefix: 'n' }), ['new'])
  t.same(store.roomNames({ limit: 9, after: 'new' }), ['old'])
  for (const room of ['a', 'b', 'c', 'd']) await append(broker, room, '1')
  t.same(
    store.roomNames({ limit: 2, after: 'a' }),
    ['b', 'c'],
    'a page is full while there are more',
  )
  t.same(store.roomNames({ limit: 3, after: 'c' }), ['d', 'new', 'old'])
  t.equal(store.find(key, 'ann', '2')?.offset, 2)
  t.equal(store.find(key, 'ann', '5')?.offset, 5)
  t.equal(store.find(key, 'an', 'n5'), undefined, 'user and id are not run together')
})

t.test('an epoch changes after a power cut, also of what is in the journal', async (t) => {
  const dir = join(t.testdir(), 'data')
  const { broker } = await openBroker(t, dir)
  await append(broker, 'r', 'a')
  const { epoch } = await broker.subscribe('r')
  const same = await openBroker(t, killed(dir, 'killed'))
  t.equal((await same.broker.subscribe('r')).epoch, epoch, 'not when it was only killed')
  const cut = await openBroker(t, killed(dir, 'cut'), { bootId: 'boot 2' })
  const after = await cut.broker.subscribe('r')
  t.not(after.epoch, epoch)
  t.equal(after.offset, 1)
})

t.test('a journal that should be there and is not is told', async (t) => {
  const dir = join(t.testdir(), 'data')
  const { broker } = await openBroker(t, dir, { segmentSize: 2000 })
  for (let n = 0; n < 60; n++) await append(broker, 'r', `m${n}`, 100)
  const opening = (copy: string, bootId = 'boot 1') => openBroker(t, copy, { bootId })
  const both = killed(dir, 'both')
  for (const index of [0, 1]) rmSync(journalOf(both, index))
  await t.rejects(opening(both), { message: /have no valid header; nothing was changed/ })
  const { broker: lost } = await opening(both, 'boot 2')
  t.ok((await idsOf(lost, 'r')).length < 60, 'after a power cut it may be missing')
})

t.test('one of its files that is removed or has lost its header is told, by name', async (t) => {
  const dir = join(t.testdir(), 'data')
  const { broker } = await openBroker(t, dir)
  t.equal(await append(broker, 'r', 'a'), 1)
  const refusal = (index: number) => ({
    message: new RegExp(`journal\\.${index} has no valid header; nothing was changed`),
  })
  for (const index of [0, 1]) {
    const removed = killed(dir, `removed-${index}`)
    rmSync(journalOf(removed, index))
    await t.rejects(openBroker(t, removed), refusal(index))
    const spoilt = killed(dir, `spoilt-${index}`)
    const bytes = readFileSync(journalOf(spoilt, index))
    bytes[9] = 0xff
    writeFileSync(journalOf(spoilt, index), bytes)
    await t.rejects(openBroker(t, spoilt), refusal(index))
    const { damages } = readJournal(spoilt, 0)
    t.same(damages, [`journal.${index} has no valid header`], 'also to who salvages')
    t.same(readJournal(removed, 0).damages, [`journal.${index} has no valid header`])
    const cut = await openBroker(t, spoilt, { bootId: 'boot 2' })
    t.same(await idsOf(cut.broker, 'r'), index === 1 ? [] : ['a'], 'a power cut explains it')
  }
  const { broker: next } = await openBroker(t, killed(dir, 'whole'))
  t.same(await idsOf(next, 'r'), ['a'])
})

t.test('a life whose journal could not be taken in has not ended well', async (t) => {
  const dir = join(t.testdir(), 'data')
  const base = await openLmdbStore({ dir, bootId: 'boot 1' })
  const open = (index: number) => JournalFile.open(journalOf(dir, index))
  const journal = new Journal({ base, open, seed: () => ++seeds })
  await journal.start()
  const store = new JournaledStore(base, journal)
  await store.start({ durability: 'commit', epoch: 'e' })
  await store.commit([{ kind: 'room', name: 'r', record: { key: 1, epoch: 'e', trimmed: 0 } }])
  base.absorb = async () => {
    throw new Error('the disk is full')
  }
  await store.close()
  const spoilt = killed(dir, 'spoilt')
  writeFileSync(journalOf(spoilt, 1), Buffer.alloc(100))
  await t.rejects(openBroker(t, spoilt), { message: /journal.1 has no valid header/ })
  const after = await openLmdbStore({ dir, bootId: 'boot 1' })
  t.equal(after.lastEnd(), 'killed')
  await after.close()
  const next = await openLogStore({ dir, bootId: 'boot 1' })
  t.equal(next.room('r')?.key, 1, 'the next start takes it in')
  await next.start({ durability: 'commit', epoch: 'f' })
  await next.close()
  const last = await openLmdbStore({ dir, bootId: 'boot 1' })
  t.equal(last.lastEnd(), 'closed')
  await last.close()
})

t.test('a log without a journal gets one', async (t) => {
  const dir = join(t.testdir(), 'data')
  const store = await openLmdbStore({ dir, bootId: 'boot 1' })
  await store.start({ durability: 'commit', epoch: 'e' })
  await store.close()
  writeFileSync(join(dir, 'VERSION'), 'parley log 1\n')
  const { broker } = await openBroker(t, dir)
  t.equal(await append(broker, 'r', 'a'), 1)
  t.equal(readFileSync(join(dir, 'VERSION'), 'utf8'), 'parley log 2\n')
})

for (const [name, break_, reason] of [
  ['removed', (path: string) => rmSync(path), /journal.1 was removed or replaced/],
  ['cut short', (path: string) => truncateSync(path, 40), /journal.1 was cut short/],
] as const) {
  t.test(`a journal that is ${name} is told and healed`, async (t) => {
    const dir = join(t.testdir(), 'data')
    const { broker, clock } = await openBroker(t, dir)
    await append(broker, 'r', 'a')
    break_(journalOf(dir, 1))
    t.match(broker.health(), { ok: false, reason })
    t.equal(await append(broker, 'r', 'b'), undefined, 'nothing is acknowledged meanwhile')
    await until(() => broker.health().ok, clock)
    t.equal(await append(broker, 'r', 'b'), 2)
    const { broker: next } = await openBroker(t, killed(dir, 'after'))
    t.same(await idsOf(next, 'r'), ['a', 'b'], 'what was acknowledged is there')
  })
}

async function until(holds: () => boolean, clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 100_000 && !holds(); turn++) {
    clock.advance(100)
    await new Promise(setImmediate)
  }
}

t.test(
  `a full disk is told to the sender and healed by space${noSmallDisk ? `: ${noSmallDisk}` : ''}`,
  { skip: noSmallDisk !== undefined && process.env.REQUIRE_SERVICES !== '1' },
  async (t) => {
    const disk = mountSmallDisk(t, 6)
    const { broker, clock } = await openBroker(t, join(disk, 'data'))
    const balloon = join(disk, 'balloon')
    writeFileSync(balloon, Buffer.alloc(1024 * 1024))
    let stored = 0
    for (let n = 0; n < 5000 && broker.health().ok; n++) {
      if ((await append(broker, 'r', `m${n}`, 5000)) !== undefined) stored++
    }
    t.match(broker.health(), { ok: false, reason: /ENOSPC|is full/ })
    t.equal((await idsOf(broker, 'r')).length, stored)
    rmSync(balloon)
    await until(() => broker.health().ok, clock)
    t.same(broker.health(), { ok: true })
    if ((await append(broker, 'r', 'last')) !== undefined) stored++
    t.equal((await idsOf(broker, 'r')).length, stored, 'what was acknowledged is there')
    await broker.close()
  },
)
