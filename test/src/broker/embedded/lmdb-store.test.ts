import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import t, { type Test } from 'tap'
import { type Broker, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import type { JournalBase } from '../../../../src/broker/embedded/journal-base.js'
import { idKeyOf } from '../../../../src/broker/embedded/lmdb-codec.js'
import { openLmdbStore } from '../../../../src/broker/embedded/lmdb-store.js'
import type { Durability } from '../../../../src/broker/embedded/store.js'
import { Recorder } from '../../../contract/recorder.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { mountSmallDisk, noSmallDisk } from '../../../helpers/small-disk.js'

const READ = { limit: 1000, maxLength: 1e8 }

let lastId = 0

interface Opened {
  readonly broker: Broker
  readonly store: JournalBase
  readonly clock: FakeClock
  readonly errors: string[]
}

async function openBroker(
  t: Test,
  dir: string,
  { durability = 'commit' as Durability, bootId = 'boot 1' } = {},
): Promise<Opened> {
  const clock = new FakeClock()
  clock.id = () => `id${++lastId}`
  const errors: string[] = []
  const store = await openLmdbStore({ dir, bootId })
  const broker = createEmbeddedBroker({
    store,
    clock,
    durability,
    historyMessages: 100_000,
    historySeconds: 86_400,
    onError: (error, what) => errors.push(`${what}: ${String(error)}`),
  })
  await broker.start(new Recorder())
  t.teardown(() => broker.close())
  return { broker, store, clock, errors }
}

/** Appends so many messages at once; resolves with how many were stored. */
async function append(broker: Broker, room: string, count: number, length = 100): Promise<number> {
  const msg = JSON.stringify('x'.repeat(length))
  const calls = Array.from({ length: count }, () =>
    broker.append(room, { id: String(++lastId), user: 'ann', nick: 'Ann', msg }),
  )
  const results = await Promise.allSettled(calls)
  for (const result of results) {
    if (result.status === 'rejected' && !(result.reason instanceof StoreUnavailable)) {
      throw result.reason
    }
  }
  return results.filter(({ status }) => status === 'fulfilled').length
}

/** Lets turns and the broker's time pass until something holds, at the most so many turns. */
async function until(holds: () => boolean, { clock }: Opened, turns: number): Promise<void> {
  for (let turn = 0; turn < turns && !holds(); turn++) {
    clock.advance(100)
    await new Promise(setImmediate)
  }
}

t.test('a long directory name is no obstacle', async (t) => {
  const dir = join(t.testdir(), 'x'.repeat(120))
  const { broker } = await openBroker(t, dir)
  t.equal(await append(broker, 'r', 1), 1)
  await t.rejects(openLmdbStore({ dir }), { message: /is in use by process/ })
})

t.test('a directory that cannot be made is said so', async (t) => {
  const dir = join(t.testdir({ file: 'x' }), 'file', 'data')
  await t.rejects(openLmdbStore({ dir }), { code: 'ENOTDIR' })
})

t.test('messages up to the largest survive a restart, whatever is in them', async (t) => {
  const dir = t.testdir()
  const texts = ['', 'ä😀\u0000\u2028', 'x'.repeat(64 * 1024), '😀'.repeat(16 * 1024)]
  const { broker } = await openBroker(t, dir)
  for (const [n, text] of texts.entries()) {
    const message = { id: `m${n}`, user: 'ünï', nick: 'N', msg: JSON.stringify(text) }
    await broker.append('raum ü', message)
  }
  await broker.close()
  const next = await openBroker(t, dir)
  const { messages } = await next.broker.read('raum ü', READ)
  t.same(
    messages.map(({ json }) => JSON.parse(json).msg),
    texts,
  )
})

t.test('the keys of ids are read in their order, a page at a time', async (t) => {
  const { broker, store } = await openBroker(t, t.testdir())
  for (const room of ['a', 'b']) await append(broker, room, 25)
  await broker.append('b', { id: '名前', user: 'änn', nick: 'Ann', msg: '1' })
  t.equal(store.idCount(), 51)
  const keys = store.idKeys(undefined, 100)
  t.equal(keys.length, 51)
  t.strictSame(keys, [...keys].sort(Buffer.compare))
  t.ok(keys.some((key) => key.equals(idKeyOf(store.lastKey(), 'änn', '名前'))))
  for (const size of [1, 7, 51]) {
    const paged: Buffer[] = []
    for (let page = store.idKeys(undefined, size); page.length > 0; ) {
      paged.push(...page)
      page = store.idKeys(paged[paged.length - 1], size)
    }
    t.strictSame(paged, keys)
  }
})

t.test('an erased log is swept away in slices', async (t) => {
  const dir = t.testdir()
  const opened = await openBroker(t, dir)
  const { broker } = opened
  await append(broker, 'r', 1000)
  await append(broker, 'other', 10)
  await broker.erase('r')
  await append(broker, 'r', 5)
  await until(() => opened.store.discarded() === undefined, opened, 100_000)
  t.equal((await broker.read('r', READ)).messages.length, 5)
  await broker.close()
  const raw = open({ path: dir, noSubdir: false, encoding: 'binary', maxDbs: 12 })
  const count = (name: string) =>
    raw.openDB(name, { encoding: 'binary', keyEncoding: 'binary' }).getKeysCount()
  t.same([count('messages'), count('ids'), count('garbage')], [15, 15, 0])
  await raw.close()
})

t.test('after a power cut, epochs change where the end of the log may be lost', async (t) => {
  const epochsAfter = async (durability: Durability, close: boolean, bootId: string) => {
    const dir = t.testdir()
    rmSync(dir, { recursive: true })
    const first = await openBroker(t, dir, { durability })
    await append(first.broker, 'r', 3)
    const before = [await first.broker.subscribe('r'), await first.broker.subscribe('empty')]
    const copy = `${dir}-copy`
    rmSync(copy, { recursive: true, force: true })
    if (close) await first.broker.close()
    // A copy of the files is what another start finds when the process did not end well.
    mkdirSync(copy)
    for (const file of ['data.mdb', 'VERSION']) {
      writeFileSync(join(copy, file), readFileSync(join(dir, file)))
    }
    const { broker } = await openBroker(t, copy, { durability, bootId })
    const after = [await broker.subscribe('r'), await broker.subscribe('empty')]
    t.same(
      after.map(({ offset }) => offset),
      [3, 0],
      'the log itself is there',
    )
    await append(broker, 'r', 1)
    t.equal((await broker.subscribe('r')).epoch, after[0]?.epoch, 'the epoch stays from there on')
    await broker.close()
    return after.map(({ epoch }, n) => (epoch === before[n]?.epoch ? 'same' : 'new'))
  }
  t.same(await epochsAfter('commit', false, 'boot 1'), ['same', 'same'], 'killed')
  t.same(await epochsAfter('commit', false, 'boot 2'), ['new', 'new'], 'power cut')
  t.same(await epochsAfter('commit', true, 'boot 2'), ['same', 'same'], 'closed, then rebooted')
  t.same(
    await epochsAfter('flush', false, 'boot 2'),
    ['same', 'same'],
    'nothing unflushed was seen',
  )
})

t.test('epochs stay apart over several power cuts', async (t) => {
  const dir = t.testdir()
  const seen = new Set<string>()
  for (let boot = 1; boot <= 4; boot++) {
    const from = `${dir}/${boot - 1}`
    const to = `${dir}/${boot}`
    mkdirSync(to)
    if (boot > 1) {
      for (const file of ['data.mdb', 'VERSION']) {
        writeFileSync(join(to, file), readFileSync(join(from, file)))
      }
    }
    const { broker } = await openBroker(t, to, { bootId: `boot ${boot}` })
    const { epoch } = await broker.subscribe('r')
    t.notOk(seen.has(epoch), 'never seen before')
    seen.add(epoch)
    await append(broker, 'r', 1)
    t.equal((await broker.read('r', READ)).epoch, epoch)
  }
})

for (const [name, break_, reason] of [
  ['cut short', (path: string) => truncateSync(path, statSync(path).size / 2), /was cut short/],
  ['emptied', (path: string) => truncateSync(path, 0), /was cut short/],
  ['removed', (path: string) => rmSync(path), /was removed or replaced/],
  ['overwritten', (path: string) => overwrite(path, 0, 16_384), /was overwritten/],
] as const) {
  t.test(`a data file that is ${name} while it is open`, async (t) => {
    const dir = t.testdir()
    // Flushed, so that LMDB is at rest: what its own threads read just now cannot be guarded.
    const opened = await openBroker(t, dir, { durability: 'flush' })
    const { broker } = opened
    t.equal(await append(broker, 'r', 2000), 2000)
    break_(join(dir, 'data.mdb'))
    await new Promise(setImmediate)
    t.match(broker.health(), { ok: false, reason }, 'health says why')
    await t.rejects(broker.read('r', READ), StoreUnavailable, 'reading rejects')
    t.equal(await append(broker, 'r', 10), 0, 'nothing is acknowledged')
    await until(() => broker.health().ok, opened, 500)
    t.match(broker.health(), { ok: false, reason }, 'it does not heal by itself')
    await broker.close()
    if (name === 'overwritten' || name === 'emptied') {
      await t.rejects(openLmdbStore({ dir }), { message: /has no valid header/ })
    }
    if (name === 'removed') await t.rejects(openLmdbStore({ dir }), { message: /is missing/ })
  })
}

t.test('a torn data file is opened only when nothing in use is missing', async (t) => {
  const dir = t.testdir()
  const { broker } = await openBroker(t, dir)
  for (let n = 0; n < 20; n++) await append(broker, `r${n % 5}`, 20)
  await broker.close()
  const whole = readFileSync(join(dir, 'data.mdb'))
  const { meta, pages } = newestMeta(whole)
  const attempt = async (bytes: Buffer) => {
    writeFileSync(join(dir, 'data.mdb'), bytes)
    const store = await openLmdbStore({ dir }).catch(String)
    if (typeof store === 'string') {
      t.match(store, /data.mdb is damaged \(.*\); nothing was changed: save what can be read/)
      t.ok(readFileSync(join(dir, 'data.mdb')).equals(bytes), 'refused, and left as it is')
      return 'refused'
    }
    let count = 0
    for (let n = 0; n < 5; n++) {
      count += [...store.messages(store.room(`r${n}`)?.key ?? 0, 1, 1000)].length
    }
    t.equal(count, 400, 'all is there')
    await store.close()
    return 'opened'
  }
  const cuts: string[] = []
  for (const cut of [1, 2, 3, 5, 9, 17, 33])
    cuts.push(await attempt(whole.subarray(0, (pages - cut) * PAGE)))
  t.ok(cuts.includes('refused'))
  t.equal(await attempt(Buffer.from(whole.subarray(0, 40 * 1024))), 'refused')
  const unwritten = Buffer.from(whole.subarray(0, pages * PAGE))
  unwritten.writeBigUInt64LE(BigInt(pages + 2), meta + LAST_PAGE_AT)
  t.equal(await attempt(unwritten), 'opened', 'pages that were never written are not missed')
})

const PAGE = 4096
const LAST_PAGE_AT = 0x90
const TRANSACTION_AT = 0x98

/** Where the newest meta page of a data file is, and how many pages it says there are. */
function newestMeta(file: Buffer): { meta: number; pages: number } {
  const transaction = (page: number) => file.readBigUInt64LE(page + TRANSACTION_AT)
  const meta = transaction(PAGE) > transaction(0) ? PAGE : 0
  return { meta, pages: Number(file.readBigUInt64LE(meta + LAST_PAGE_AT)) + 1 }
}

t.test('a log that should be there is never replaced by an empty one', async (t) => {
  const dir = t.testdir()
  await (await openBroker(t, dir)).broker.close()
  const path = join(dir, 'data.mdb')
  truncateSync(path, 0)
  await t.rejects(openLmdbStore({ dir }), { message: /no valid header in its 0 bytes/ })
  rmSync(path)
  await t.rejects(openLmdbStore({ dir }), { message: /is missing/ })
  t.notOk(existsSync(path))
  writeFileSync(join(dir, 'VERSION'), 'parley log 9\n')
  await t.rejects(openLmdbStore({ dir }), { message: /format "parley log 9"/ })
})

t.test('a start that was cut off before the log was made can be repeated', async (t) => {
  const dir = t.testdir({ 'data.mdb': '' })
  const { broker } = await openBroker(t, dir)
  t.equal(await append(broker, 'r', 1), 1)
})

t.test('a damaged message ends the history, and all else goes on', async (t) => {
  const dir = t.testdir()
  const { broker } = await openBroker(t, dir)
  await append(broker, 'r', 10)
  await append(broker, 'other', 10)
  await broker.close()
  const raw = open({ path: dir, noSubdir: false, encoding: 'binary', maxDbs: 12 })
  const messages = raw.openDB<Buffer, Buffer>('messages', {
    encoding: 'binary',
    keyEncoding: 'binary',
  })
  const key = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 6])
  const value = Buffer.from(messages.get(key) as Buffer)
  value[40] = (value[40] as number) ^ 1
  await messages.put(key, value)
  await raw.close()

  const next = await openBroker(t, dir)
  const page = await next.broker.read('r', { ...READ, after: 0 })
  t.same([page.first, page.offset, page.messages.length], [7, 10, 4])
  t.match(next.errors, [/history of room "r" is cut short: LostMessage: message 6/])
  t.equal((await next.broker.read('other', READ)).messages.length, 10)
  t.equal(await append(next.broker, 'r', 1), 1)
  t.same(next.broker.health(), { ok: true })
  next.clock.advance(2 * 86_400_000)
  await until(() => next.store.room('r') === undefined, next, 100_000)
  t.equal(await next.broker.room('r'), undefined, 'retention passes it')
})

t.test(
  `a full disk is told to the sender and healed by space${noSmallDisk ? `: ${noSmallDisk}` : ''}`,
  { skip: noSmallDisk !== undefined && process.env.REQUIRE_SERVICES !== '1' },
  async (t) => {
    const disk = mountSmallDisk(t, 4)
    const opened = await openBroker(t, join(disk, 'data'))
    const { broker, errors } = opened
    const balloon = join(disk, 'balloon')
    writeFileSync(balloon, Buffer.alloc(1024 * 1024))
    let stored = 0
    for (let i = 0; i < 100 && broker.health().ok; i++)
      stored += await append(broker, 'r', 50, 1000)
    t.match(broker.health(), { ok: false, reason: /the disk of .* is full/ })
    t.equal(await append(broker, 'r', 10, 1000), 0)
    t.equal((await broker.read('r', { ...READ, limit: 100_000 })).messages.length, stored)
    t.equal(errors.length, 1, 'it is reported once')
    rmSync(balloon)
    await until(() => broker.health().ok, opened, 100_000)
    t.same(broker.health(), { ok: true })
    stored += await append(broker, 'r', 50, 1000)
    const page = await broker.read('r', { ...READ, limit: 100_000 })
    t.equal(page.messages.length, stored, 'what was acknowledged is there')
    t.equal(page.offset, stored, 'and nothing else')
    await broker.close()
  },
)

function overwrite(path: string, from: number, to: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.alloc(to - from, 0xa5), 0, to - from, from)
  closeSync(fd)
}
