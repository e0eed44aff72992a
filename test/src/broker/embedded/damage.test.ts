import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Broker } from '../../../../src/broker/broker.js'
import { checkDataFile } from '../../../../src/broker/embedded/data-check.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { LmdbFile } from '../../../../src/broker/embedded/lmdb-file.js'
import { LmdbWalk } from '../../../../src/broker/embedded/lmdb-walk.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import { type Salvaged, salvage } from '../../../../src/broker/embedded/salvage.js'
import { systemClock } from '../../../../src/clock.js'
import { Random } from '../../../chaos/random.js'
import { Recorder } from '../../../contract/recorder.js'

const PAGE = 4096
const ROOMS = ['a', 'b', 'c']
const MESSAGES = 150
const EVERYTHING = { after: 0, limit: 1000, maxLength: 1e9 }
const ALL = Number.POSITIVE_INFINITY

async function openBroker(dir: string): Promise<Broker> {
  const broker = createEmbeddedBroker({
    store: await openLogStore({ dir, segmentSize: 32 * 1024 }),
    clock: systemClock,
    durability: 'commit',
    historyMessages: 100_000,
    historySeconds: 36_000,
  })
  await broker.start(new Recorder())
  return broker
}

const bodyOf = (n: number) => JSON.stringify('x'.repeat(n % 40 === 7 ? 9000 : (n * 37) % 500))

/** A log with some pages of each kind, an erased room, and a value. */
async function writeLog(dir: string): Promise<Map<string, string>> {
  const broker = await openBroker(dir)
  const append = (room: string, n: number) =>
    broker.append(room, { id: `m${n}`, user: 'ann', nick: 'Ann', msg: bodyOf(n) })
  for (let n = 1; n <= 20; n++) await append('erased', n)
  for (let n = 1; n <= MESSAGES; n++) await Promise.all(ROOMS.map((room) => append(room, n)))
  await broker.erase('erased')
  await broker.remember('ticket', 'value', 3_600_000)
  const messages = await readAll(broker)
  await broker.close()
  return messages
}

/** All messages: offset and text by room and id. */
async function readAll(broker: Broker): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for (const room of [...ROOMS, 'erased']) {
    const { messages, offset, first } = await broker.read(room, EVERYTHING)
    const offsets = messages.map((message) => message.offset)
    const expected = Array.from({ length: offset - first + 1 }, (_, i) => first + i)
    if (offsets.join() !== expected.join()) throw new Error(`${room} has a hole: ${offsets}`)
    for (const { offset, json } of messages) {
      const { id, msg } = JSON.parse(json)
      all.set(`${room} ${id}`, `${offset} ${JSON.stringify(msg)}`)
    }
  }
  return all
}

async function salvageTo(t: Test, from: string): Promise<{ to: string; report: Salvaged }> {
  const to = join(t.testdirName, `salvaged-${Math.random()}`)
  let epochs = 0
  const report = await salvage({ from, to, newEpoch: () => `new-${epochs++}` })
  return { to, report }
}

async function readDir(dir: string): Promise<Map<string, string>> {
  const broker = await openBroker(dir)
  const messages = await readAll(broker)
  await broker.close()
  return messages
}

t.test('a sound log is found to be sound, and salvaged as it is', async (t) => {
  const dir = join(t.testdir(), 'log')
  const written = await writeLog(dir)
  const path = join(dir, 'data.mdb')
  t.same(await checkDataFile(path, ALL), { damages: [], complete: true })
  t.same(await checkDataFile(path, 10), { damages: [], complete: false })
  const before = readFileSync(path)
  const { to, report } = await salvageTo(t, dir)
  t.ok(readFileSync(path).equals(before), 'the old one is left as it is')
  t.match(report, { damages: [], rooms: 3, messages: 3 * MESSAGES, gaps: [], values: 1 })
  const [old, broker] = [await openBroker(dir), await openBroker(to)]
  t.same(await readAll(broker), written)
  for (const room of ROOMS) {
    const query = { limit: 0, maxLength: 1 }
    const [before, after] = [await old.read(room, query), await broker.read(room, query)]
    t.equal(after.offset, before.offset)
    t.not(after.epoch, before.epoch, 'nobody takes an old position for one in the new log')
  }
  const message = { id: 'm5', user: 'ann', nick: 'Ann', msg: '1' }
  t.match(await broker.append('a', message), { offset: 5, duplicate: true })
  t.match(await broker.append('a', { ...message, id: 'new' }), { offset: MESSAGES + 1 })
  t.equal(await broker.take('ticket'), 'value')
  await Promise.all([old.close(), broker.close()])
})

t.test('what is in the journal is salvaged too', async (t) => {
  const dir = join(t.testdir(), 'log')
  await writeLog(dir)
  const broker = await openBroker(dir)
  const message = { user: 'ann', nick: 'Ann', msg: '"late"' }
  for (let n = 0; n < 200; n++) await broker.append('a', { ...message, id: `late ${n}` })
  await broker.append('late room', { ...message, id: 'first' })
  // As a process leaves it that is killed: nothing was closed.
  const killed = join(t.testdirName, 'killed')
  cpSync(dir, killed, { recursive: true, filter: (path) => !path.includes('lock') })
  const expected = await readAll(broker)
  await broker.close()
  const { to, report } = await salvageTo(t, killed)
  t.same(report.damages, [])
  t.same(await readDir(to), expected)
  // One of its batches is damaged: what is behind it is read all the same.
  for (const name of ['journal.0', 'journal.1']) {
    const path = join(killed, name)
    const bytes = readFileSync(path)
    const at = bytes.indexOf('"late 190"')
    if (at < 0) continue
    bytes[at + 1] = 0x21
    writeFileSync(path, bytes)
  }
  const { to: rest, report: damaged } = await salvageTo(t, killed)
  t.match(damaged.damages, [{ database: 'journal', what: /damaged batch at/ }])
  t.same(damaged.gaps, [{ room: 'a', missing: 1 }])
  const kept = await readDir(rest)
  t.equal(kept.size, expected.size - 1)
  t.equal(kept.get('a late 199'), expected.get('a late 199'))
  const again = await openBroker(to)
  t.match(await again.read('late room', EVERYTHING), { offset: 1, messages: [{ offset: 1 }] })
  await again.close()
})

/** Files that are damaged in the test; `DAMAGED_FILES=1000` for a longer look. */
const DAMAGED_FILES = Number(process.env.DAMAGED_FILES ?? 40)
const LONG = { timeout: 600_000 }

t.test('damaged pages are found before LMDB meets them, the rest is salvaged', LONG, async (t) => {
  const dir = join(t.testdir(), 'log')
  const written = await writeLog(dir)
  const path = join(dir, 'data.mdb')
  const sound = readFileSync(path)
  const used = usedPages(path)
  const found = new Map<string, number>()
  for (let seed = 1; seed <= DAMAGED_FILES; seed++) {
    const random = new Random(seed)
    const bytes = Buffer.from(sound)
    const pages = Array.from({ length: random.between(1, 3) }, () => random.pick(used))
    const way = random.pick(['zeros', 'noise', 'another page', 'a flipped byte'] as const)
    for (const page of pages) spoil(bytes, page, way, random)
    writeFileSync(path, bytes)
    const { damages } = await checkDataFile(path, ALL)
    if (damages.length > 0) found.set(way, (found.get(way) ?? 0) + 1)
    const { to, report } = await salvageTo(t, dir)
    const kept = await readDir(to)
    for (const [key, text] of kept) {
      const original = written.get(key) ?? 'no such message'
      if (withoutOffset(original) !== withoutOffset(text)) t.fail(`seed ${seed}: ${key} is ${text}`)
    }
    if (report.messages !== kept.size) t.fail(`seed ${seed}: told of ${report.messages} messages`)
    if (report.damages.length === 0 && kept.size < written.size) {
      t.fail(`seed ${seed}: ${written.size - kept.size} messages are lost without a word`)
    }
    rmSync(to, { recursive: true })
  }
  for (const way of ['zeros', 'noise', 'another page']) t.ok((found.get(way) ?? 0) > 0, way)
})

t.test('a damaged log is refused with its first damage, and left as it is', async (t) => {
  const dir = join(t.testdir(), 'log')
  await writeLog(dir)
  const path = join(dir, 'data.mdb')
  const sound = readFileSync(path)
  for (const page of usedPages(path)) {
    const bytes = Buffer.from(sound)
    bytes.fill(0, page * PAGE, (page + 1) * PAGE)
    writeFileSync(path, bytes)
    const broken = await openLogStore({ dir }).then(
      (store) => store.close().then(() => ''),
      (error) => String(error),
    )
    // Of a long value only the first page has a head; the rest is what the checksum is for.
    if (broken === '') continue
    t.match(broken, /data\.mdb is damaged \(.*\); nothing was changed: .*parley salvage/)
    t.ok(readFileSync(path).equals(bytes))
    return
  }
  t.fail('no damage was found')
})

t.test('where messages are missing in the middle the older ones move up', async (t) => {
  const dir = join(t.testdir(), 'log')
  const written = await writeLog(dir)
  const path = join(dir, 'data.mdb')
  const bytes = readFileSync(path)
  const id = Buffer.from('"room":"b","offset":70,')
  // Every copy of it.
  for (let at = bytes.indexOf(id); at >= 0; at = bytes.indexOf(id, at)) bytes[at + 12] = 0x21
  writeFileSync(path, bytes)
  const { to, report } = await salvageTo(t, dir)
  t.same(report.gaps, [{ room: 'b', missing: 1 }])
  const kept = await readDir(to)
  t.equal(kept.size, written.size - 1)
  t.equal(kept.get('b m71'), written.get('b m71'))
  t.equal(kept.get('b m69'), `70 ${bodyOf(69)}`)
  t.equal(kept.get('b m1'), `2 ${bodyOf(1)}`)
})

t.test('a directory that is in use, empty, or not empty is refused', async (t) => {
  const dir = join(t.testdir(), 'log')
  const newEpoch = () => 'e'
  mkdirSync(dir)
  const to = join(t.testdirName, 'new')
  await t.rejects(salvage({ from: dir, to, newEpoch }), { message: /there is no log to read/ })
  const broker = await openBroker(dir)
  await t.rejects(salvage({ from: dir, to, newEpoch }), { message: /is in use by process/ })
  await broker.close()
  await t.rejects(salvage({ from: dir, to: dir, newEpoch }), { message: /is not empty/ })
})

function usedPages(path: string): number[] {
  const file = new LmdbFile(path)
  const walk = new LmdbWalk(file)
  for (const [name, tree] of walk.databases()) for (const _ of walk.leaves(name, tree));
  const pages = Array.from({ length: file.snapshot.pages }, (_, page) => page)
  file.close()
  return pages.filter((page) => walk.isUsed(page))
}

function spoil(bytes: Buffer, page: number, way: string, random: Random): void {
  const start = page * PAGE
  const noise = () => random.between(0, 255)
  if (way === 'zeros') bytes.fill(0, start, start + PAGE)
  else if (way === 'another page') bytes.copy(bytes, start, 2 * PAGE, 3 * PAGE)
  else if (way === 'noise') for (let i = 0; i < PAGE; i++) bytes[start + i] = noise()
  else bytes[start + random.between(0, PAGE - 1)] = noise()
}

const withoutOffset = (text: string) => text.slice(text.indexOf(' '))
