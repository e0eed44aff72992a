import fc from 'fast-check'
import t from 'tap'
import { type Broker, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { Journal } from '../../../../src/broker/embedded/journal.js'
import { JournaledStore } from '../../../../src/broker/embedded/journaled-store.js'
import { createMemoryStore } from '../../../../src/broker/embedded/memory-store.js'
import type { Durability, LogStore } from '../../../../src/broker/embedded/store.js'
import { Recorder } from '../../../contract/recorder.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { type Fate, FaultyStore } from '../../../helpers/faulty-store.js'
import { MemoryDisk } from '../../../helpers/memory-journal.js'

/** The last ones are never subscribed, so that they are forgotten when they are empty. */
const ROOMS = ['a', 'b', 'c', 'd']
const SUBSCRIBED = ROOMS.slice(0, 2)
const RUNS = Number(process.env.MODEL_RUNS ?? 40)
const DEDUPE_SECONDS = 600
const LIMITS = { historyMessages: 8, historySeconds: 1000, dedupeSeconds: DEDUPE_SECONDS }

type Step =
  | { readonly step: 'append'; readonly room: string; readonly user: string; readonly id: string }
  | { readonly step: 'settle' }
  | { readonly step: 'fate'; readonly fate: Fate }
  | { readonly step: 'crash'; readonly applied: boolean }
  | { readonly step: 'erase'; readonly room: string }
  | { readonly step: 'wait'; readonly seconds: number }
  | { readonly step: 'read'; readonly room: string; readonly after: number }

const room = fc.constantFrom(...ROOMS)
const steps = fc.array(
  fc.oneof(
    {
      weight: 16,
      arbitrary: fc.record({
        step: fc.constant('append' as const),
        room,
        user: fc.constantFrom('ann', 'bob'),
        id: fc.integer({ min: 0, max: 20 }).map(String),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ step: 'settle' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        step: fc.constant('fate' as const),
        fate: fc.constantFrom<Fate>('done', 'failed', 'done but reported failed', 'not flushed'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ step: fc.constant('crash' as const), applied: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('erase' as const), room }) },
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('wait' as const),
        seconds: fc.constantFrom(1, 40, 300, 700, 1100),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        step: fc.constant('read' as const),
        room,
        after: fc.nat({ max: 20 }),
      }),
    },
  ),
  { maxLength: 200, size: 'max' },
)

interface Fact {
  readonly author: string
  readonly time: number
}

/** All that anybody was ever told about the rooms; throws when two things contradict. */
class Facts {
  /** By room, epoch and offset. */
  readonly #stored = new Map<string, Fact>()
  /** By room, epoch and author. */
  readonly #offsets = new Map<string, { offset: number; time: number }>()
  readonly #newest = new Map<string, number>()

  tell(room: string, epoch: string, offset: number, author: string, time: number): void {
    const place = `${room} ${epoch} ${offset}`
    const known = this.#stored.get(place)
    if (known !== undefined && (known.author !== author || known.time !== time)) {
      throw new Error(`${place} is both ${JSON.stringify(known)} and ${author} at ${time}`)
    }
    this.#stored.set(place, { author, time })
    const key = `${room} ${epoch} ${author}`
    const first = this.#offsets.get(key)
    if (first !== undefined && first.offset !== offset) {
      if (Math.abs(time - first.time) < DEDUPE_SECONDS * 1000) {
        throw new Error(`${key} is at ${first.offset} and, too soon, at ${offset}`)
      }
      if (offset < first.offset) return
    }
    this.#offsets.set(key, { offset, time })
    const newest = this.#newest.get(`${room} ${epoch}`) ?? 0
    this.#newest.set(`${room} ${epoch}`, Math.max(newest, offset))
  }

  newest(room: string, epoch: string): number {
    return this.#newest.get(`${room} ${epoch}`) ?? 0
  }

  /** When what stands there was stored; undefined when nobody was told of it. */
  timeOf(room: string, epoch: string, offset: number): number | undefined {
    return this.#stored.get(`${room} ${epoch} ${offset}`)?.time
  }
}

/** One broker over the store, from its start to its crash. */
class Life {
  readonly faults: FaultyStore
  readonly broker: Broker
  readonly heard = new Recorder()
  readonly #facts: Facts
  readonly #clock: FakeClock
  readonly #seen = new Map<string, { epoch: string; offset: number; events: number }>()
  readonly #errors: unknown[] = []
  #pending: Promise<unknown>[] = []

  constructor(store: LogStore, clock: FakeClock, durability: Durability, facts: Facts) {
    this.#facts = facts
    this.#clock = clock
    this.faults = new FaultyStore(store)
    this.broker = createEmbeddedBroker({
      store: this.faults.store,
      clock,
      durability,
      ...LIMITS,
      onError: (error, what) => {
        if (what !== 'the log cannot be written') this.#errors.push(error)
      },
    })
  }

  async start(): Promise<void> {
    await this.broker.start(this.heard)
    for (const room of SUBSCRIBED) {
      this.#seen.set(room, { ...(await this.broker.subscribe(room)), events: 0 })
    }
  }

  append(room: string, user: string, id: string): void {
    const call = this.broker.append(room, { id, user, nick: user, msg: '1' })
    this.#pending.push(
      call.then(
        ({ epoch, offset, time }) => this.#facts.tell(room, epoch, offset, `${user}/${id}`, time),
        mustBeUnavailable,
      ),
    )
  }

  erase(room: string): void {
    this.#pending.push(this.broker.erase(room).then(() => {}, mustBeUnavailable))
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0))
    this.#checkEvents()
  }

  /** What was delivered follows what was delivered before, without a hole. */
  #checkEvents(): void {
    for (const room of SUBSCRIBED) {
      const seen = this.#seen.get(room) as { epoch: string; offset: number; events: number }
      for (const event of this.heard.events(room).slice(seen.events)) {
        seen.events++
        if (event.event === 'reset') Object.assign(seen, event.position)
        if (event.event !== 'message') continue
        const { offset, json, time } = event.message
        if (event.epoch !== seen.epoch || offset !== seen.offset + 1) {
          throw new Error(`${room}: ${event.epoch} ${offset} after ${JSON.stringify(seen)}`)
        }
        seen.offset = offset
        const { user, id } = JSON.parse(json)
        this.#facts.tell(room, event.epoch, offset, `${user}/${id}`, time)
      }
    }
  }

  async read(room: string, after: number): Promise<void> {
    const page = await this.broker.read(room, { after, limit: 1000, maxLength: 1e6 })
    let next = Math.max(after + 1, page.first)
    for (const { offset, json, time } of page.messages) {
      if (offset !== next++) throw new Error(`${room}: ${offset} where ${next - 1} should be`)
      const { user, id } = JSON.parse(json)
      this.#facts.tell(room, page.epoch, offset, `${user}/${id}`, time)
    }
    if (next <= page.offset) throw new Error(`${room}: the page ends before ${page.offset}`)
    if (page.offset - page.first >= LIMITS.historyMessages) throw new Error('too much is shown')
    const hidden = page.first - 1
    if (hidden > 0 && hidden > page.offset - LIMITS.historyMessages) {
      const time = this.#facts.timeOf(room, page.epoch, hidden) ?? 0
      const age = this.#clock.now() - time
      if (age < LIMITS.historySeconds * 1000)
        throw new Error(`${room}: ${hidden} is hidden too soon`)
    }
    if (this.#errors.length > 0) throw this.#errors[0]
    const newest = this.#facts.newest(room, page.epoch)
    if (newest > page.offset) throw new Error(`${room}: ${newest} was told, ${page.offset} is left`)
  }
}

function mustBeUnavailable(error: unknown): void {
  if (!(error instanceof StoreUnavailable)) throw error
}

/** Lets everything that waits for a turn of the event loop happen. */
async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

const LONG = { timeout: 600_000 }

/** A store that outlives crashes: `reopen` ends the life that was, and gives the next its store. */
type Reopen = () => Promise<LogStore>

function memory(): Reopen {
  const store = createMemoryStore()
  return async () => store
}

/**
 * Segments so small that they are taken into the base all the time, and so few ids in mind that
 * these are read from the base again and again.
 */
function journaled(): Reopen {
  const disk = new MemoryDisk()
  let life: ReturnType<MemoryDisk['life']> | undefined
  return async () => {
    disk.lastEnd = life ? 'killed' : 'none'
    life?.end()
    life = disk.life()
    const { base, open } = life
    const journal = new Journal({
      base,
      open,
      seed,
      segmentSize: 1500,
      ids: { most: 40, slice: 3 },
    })
    await journal.start()
    return new JournaledStore(base, journal)
  }
}

let seeds = 0
const seed = () => ++seeds

async function run(durability: Durability, reopen: Reopen, script: readonly Step[]): Promise<void> {
  const clock = new FakeClock()
  const facts = new Facts()
  let life = new Life(await reopen(), clock, durability, facts)
  await life.start()
  const heal = async () => {
    life.faults.fate = 'done'
    for (let i = 0; i < 60 && !life.broker.health().ok; i++) {
      clock.advance(1000)
      await turns()
    }
    if (!life.broker.health().ok) throw new Error('it does not recover')
  }
  for (const step of script) {
    if (step.step === 'append') life.append(step.room, step.user, step.id)
    if (step.step === 'erase') life.erase(step.room)
    if (step.step === 'settle') await life.settle()
    if (step.step === 'fate') life.faults.fate = step.fate
    if (step.step === 'wait') {
      await life.settle()
      await heal()
      for (let left = step.seconds; left > 0; left -= 20) {
        clock.advance(Math.min(left, 20) * 1000)
        await turns()
      }
    }
    if (step.step === 'crash') {
      life.faults.held = true
      await turns(2)
      await life.faults.crash(step.applied)
      await turns()
      life = new Life(await reopen(), clock, durability, facts)
      await life.start()
    }
    if (step.step === 'read') await life.read(step.room, step.after)
  }
  await life.settle()
  await heal()
  await life.settle()
  for (const room of ROOMS) await life.read(room, 0)
  await life.broker.close()
}

for (const durability of ['commit', 'flush'] as const) {
  for (const [name, open] of [
    ['memory', memory],
    ['a journal', journaled],
  ] as const) {
    t.test(`no history over ${name} contradicts itself, ${durability}`, LONG, async (t) => {
      await fc.assert(
        fc.asyncProperty(steps, (script) => run(durability, open(), script)),
        { numRuns: RUNS },
      )
      t.pass(`${RUNS} histories with failures, crashes, erasures and retention`)
    })
  }
}
