import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { hashOfId } from '../../../../src/broker/embedded/id-filter.js'
import { KnownIds } from '../../../../src/broker/embedded/known-ids.js'
import { idKeyOf } from '../../../../src/broker/embedded/lmdb-codec.js'

/** A base, and what is on its way there. */
class Ids {
  readonly base = new Set<string>()
  readonly elsewhere = new Set<string>()
  /** Called before a slice of the base is read. */
  onRead = () => {}
  reads = 0
  readonly known: KnownIds

  constructor(most = 1000) {
    this.known = new KnownIds({
      most,
      slice: 10,
      elsewhere: () => [...this.elsewhere].map(hashOfName),
      base: {
        idCount: () => this.base.size,
        idKeys: (after, limit) => {
          this.reads++
          this.onRead()
          const from = after?.toString('latin1') ?? ''
          const keys = [...this.base].map((id) => idKeyOf(1, 'ann', id).toString('latin1'))
          const next = keys.sort().filter((key) => key > from)
          return next.slice(0, limit).map((key) => Buffer.from(key, 'latin1'))
        },
      },
    })
  }

  append(id: string): void {
    this.elsewhere.add(id)
    this.known.add(hashOfName(id))
  }

  /** Everything that is elsewhere gets into the base. */
  absorb(): void {
    for (const id of this.elsewhere) this.base.add(id)
    this.elsewhere.clear()
  }

  /** Resolves when the base was read to its end. */
  async complete(): Promise<void> {
    while (this.known.mayBeInBase(hashOfName('never there'))) await turn()
  }

  /** Ids that are said not to be there, though they are. */
  missing(): string[] {
    const gone = (id: string) => !this.known.mayBeInBase(hashOfName(id))
    const nowhere = (id: string) => !this.known.mayHave(hashOfName(id))
    return [...[...this.base].filter(gone), ...[...this.elsewhere].filter(nowhere)]
  }
}

const hashOfName = (id: string) => hashOfId(1, 'ann', id)
const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)

t.test('of an empty base it knows everything at once', async (t) => {
  const ids = new Ids()
  ids.known.start()
  t.notOk(ids.known.mayBeInBase(hashOfName('a')))
  t.notOk(ids.known.mayHave(hashOfName('a')))
  ids.append('a')
  t.ok(ids.known.mayHave(hashOfName('a')))
  t.ok(ids.known.mayBeInBase(hashOfName('a')))
})

t.test('until the base is read to its end, every id may be in it', async (t) => {
  const ids = new Ids()
  for (const id of numbered('old ', 35)) ids.base.add(id)
  ids.known.start()
  t.ok(ids.known.mayBeInBase(hashOfName('new')))
  t.notOk(ids.known.mayHave(hashOfName('new')), 'but not elsewhere')
  await ids.complete()
  t.equal(ids.reads, 4)
  t.notOk(ids.known.mayBeInBase(hashOfName('new')))
  t.strictSame(ids.missing(), [])
})

t.test('knows what gets into the part of the base that was read already', async (t) => {
  const ids = new Ids()
  for (const id of numbered('m ', 50)) ids.base.add(id)
  for (const id of numbered('a ', 20)) ids.elsewhere.add(id)
  let n = 0
  ids.onRead = () => {
    ids.absorb()
    ids.append(`b ${n++}`)
  }
  ids.known.start()
  await ids.complete()
  t.ok(n > 4)
  t.strictSame(ids.missing(), [])
})

t.test('begins anew after many, with what is there then, and forgets nothing of it', async (t) => {
  const ids = new Ids(200)
  ids.known.start()
  for (let n = 0; n < 1000; n++) {
    ids.append(`m ${n}`)
    if (n % 30 === 0) ids.absorb()
    if (n % 7 === 0) await turn()
    // Retention takes the oldest.
    for (const id of ids.base) if (ids.base.size > 60) ids.base.delete(id)
    const missing = ids.missing()
    if (missing.length > 0) t.fail(`after ${n}: ${missing.join()}`)
  }
  await ids.complete()
  t.ok(ids.reads > 5, 'it has read the base again and again')
  const kept = numbered('m ', 900).filter((id) => ids.known.mayHave(hashOfName(id)))
  t.ok(kept.length < 400, 'what was removed is forgotten in time')
})

t.test('where there is too much, every id may be in the base', async (t) => {
  const ids = new Ids(100)
  for (const id of numbered('old ', 51)) ids.base.add(id)
  ids.known.start()
  await turn()
  t.equal(ids.reads, 0)
  t.ok(ids.known.mayBeInBase(hashOfName('new')))
  for (const id of numbered('m ', 40)) ids.append(id)
  t.strictSame(ids.missing(), [])
  t.notOk(ids.known.mayHave(hashOfName('new')), 'but not elsewhere')
  ids.base.clear()
  for (const id of numbered('n ', 20)) ids.append(id)
  await ids.complete()
  t.strictSame(ids.missing(), [], 'and with less it is looked at again')
})

t.test('where the base cannot be read, every id may be in it', async (t) => {
  const ids = new Ids()
  for (const id of numbered('old ', 35)) ids.base.add(id)
  ids.onRead = () => {
    if (ids.reads === 3) throw new Error('damaged')
  }
  ids.known.start()
  while (ids.reads < 3) await turn()
  await turn()
  t.ok(ids.known.mayBeInBase(hashOfName('new')))
  t.equal(ids.reads, 3)
})

t.test('reads no more once it is stopped', async (t) => {
  const ids = new Ids()
  for (const id of numbered('old ', 35)) ids.base.add(id)
  ids.known.start()
  ids.known.stop()
  const later = new Ids()
  for (const id of numbered('old ', 35)) later.base.add(id)
  later.known.start()
  await later.complete()
  t.equal(ids.reads, 1)
  t.ok(ids.known.mayBeInBase(hashOfName('new')))
})
