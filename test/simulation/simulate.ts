import type { Change, LogStore } from '../../src/broker/embedded/store.js'
import { check, type Violation } from '../chaos/checker.js'
import type { FinalLog, HistoryEvent, ServiceEvent } from '../chaos/history.js'
import { SHORT_TOKEN_SECONDS, SimClient } from './client.js'
import { Random } from './random.js'
import { SimServer } from './server.js'
import { Timeline } from './timeline.js'

/** What a run came to. */
export interface Outcome {
  readonly seed: number
  readonly history: readonly HistoryEvent[]
  readonly logs: readonly FinalLog[]
  readonly violations: readonly Violation[]
  /** Broken rules of the wire, of leaving nothing behind, and errors of the service. */
  readonly problems: readonly string[]
  /** Things that happened, and faults by name. */
  readonly steps: number
  readonly faults: Readonly<Record<string, number>>
}

/** How long everything may take to settle once the faults are over, milliseconds. */
const SETTLE_BOUND = 120_000

/** Within it everyone has to know who is there: two heartbeats of the dead, and a rejoin. */
const PRESENCE_BOUND = 20_000

/** One schedule of work and faults, which the seed determines. */
export async function simulate(seed: number): Promise<Outcome> {
  const world = new World(seed)
  await world.run()
  return world.outcome()
}

class World {
  readonly #seed: number
  readonly #random: Random
  readonly #timeline: Timeline
  readonly #server: SimServer
  readonly #clients: SimClient[] = []
  readonly #rooms: string[]
  readonly #history: HistoryEvent[] = []
  readonly #problems: string[] = []
  readonly #faults: Record<string, number> = {}
  #logs: FinalLog[] = []
  #judged = 0
  #names = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Random(seed)
    this.#timeline = new Timeline(this.#random)
    this.#server = new SimServer(this.#timeline, (changes, store) =>
      this.#forgotten(changes, store),
    )
    this.#rooms = Array.from({ length: this.#random.integer(1, 3) }, (_, i) => `room-${i}`)
  }

  async run(): Promise<void> {
    const random = this.#random
    await this.#server.start()
    for (let i = random.integer(2, 3); i > 0; i--) this.#addClient()
    const lasts = random.between(2000, 15_000)
    for (let i = random.integer(5, 40); i > 0; i--) {
      this.#timeline.after(random.between(0, lasts), () => this.#work())
    }
    for (let i = random.integer(0, 7); i > 0; i--) {
      this.#timeline.after(random.between(0, lasts), () => this.#fault())
    }
    await this.#timeline.run(lasts)
    await this.#settle()
    await this.#end()
  }

  outcome(): Outcome {
    const violations = check(this.#history, this.#logs, { presenceBound: PRESENCE_BOUND })
    const problems = [...this.#problems, ...this.#server.problems, ...this.#server.failures]
    return {
      seed: this.#seed,
      history: this.#history,
      logs: this.#logs,
      violations,
      problems,
      steps: this.#timeline.steps,
      faults: this.#faults,
    }
  }

  #addClient(): void {
    const random = this.#random
    const name = `c${this.#names++}`
    const client = new SimClient({
      name,
      // Some users have several tabs.
      user: random.chance(0.3) && this.#names > 1 ? 'c0' : name,
      timeline: this.#timeline,
      server: this.#server,
      record: (event) => void this.#history.push(event),
      shortTokens: random.chance(0.3),
      skew: random.pick([0, 0, -30_000, 30_000]),
    })
    this.#clients.push(client)
    for (const room of this.#rooms) if (random.chance(0.8)) this.#join(client, room)
  }

  #join(client: SimClient, room: string): void {
    client.join(room, this.#random.pick([0, 5, 100]))
  }

  /** Something that clients do all day. */
  #work(): void {
    const random = this.#random
    const client = random.pick(this.#clients)
    const room = random.pick(this.#rooms)
    const dice = random.next()
    if (dice < 0.03) client.leave(room)
    else if (dice < 0.1) this.#join(client, room)
    else if (dice < 0.12 && this.#clients.length < 6) this.#addClient()
    else if (dice < 0.13 && this.#clients.length > 2) {
      client.close()
      this.#clients.splice(this.#clients.indexOf(client), 1)
    } else {
      const body = JSON.stringify('x'.repeat(random.chance(0.1) ? 6000 : random.integer(1, 60)))
      for (let i = random.pick([1, 1, 1, 3, 8]); i > 0; i--) client.send(room, body)
    }
  }

  #fault(): void {
    const random = this.#random
    const faults = {
      reset: () => random.pick(this.#clients).socket?.connection.reset(),
      halfOpen: () => {
        const connection = random.pick(this.#clients).socket?.connection
        const way = random.pick(['up', 'down', 'both'])
        if (way !== 'down') connection?.up.sever()
        if (way !== 'up') connection?.down.sever()
      },
      slowReader: () => {
        const connection = random.pick(this.#clients).socket?.connection
        if (connection) connection.down.stalledUntil = this.#timeline.now + random.between(10, 9000)
      },
      crash: () => this.#restartAfter(() => this.#server.crash()),
      loseData: () =>
        this.#restartAfter(() => {
          this.#note({ type: 'lost' })
          this.#server.crash(true)
        }),
      rollingRestart: () =>
        void this.#server.stop().then(() => {
          if (!this.#server.service) this.#restartAfter(() => {})
        }),
      diskFull: () => {
        this.#server.disk.failing = true
        this.#timeline.after(random.between(1, 4000), () => {
          this.#server.disk.failing = false
        })
      },
      erase: () => {
        const room = random.pick(this.#rooms)
        this.#note({ type: 'erase', room })
        this.#server.service?.broker.erase(room).catch(() => {})
      },
    }
    const weights = [
      'reset',
      'reset',
      'halfOpen',
      'slowReader',
      'slowReader',
      'crash',
      'crash',
    ] as const
    const rare = ['loseData', 'rollingRestart', 'diskFull', 'diskFull', 'erase'] as const
    const name = random.pick([...weights, ...rare])
    this.#faults[name] = (this.#faults[name] ?? 0) + 1
    this.#note({ type: 'fault', text: name })
    faults[name]()
  }

  #restarting = false

  #restartAfter(end: () => void): void {
    end()
    if (this.#restarting) return
    this.#restarting = true
    this.#timeline.after(this.#random.between(1, 3000), () => {
      this.#restarting = false
      if (!this.#server.service) void this.#server.start()
    })
  }

  /** The faults are over: waits until everyone has everything, then for presence to settle. */
  async #settle(): Promise<void> {
    this.#server.disk.failing = false
    for (const client of this.#clients) client.calm()
    const start = this.#timeline.now
    await this.#timeline.run(start + SHORT_TOKEN_SECONDS * 1000)
    const done = () => {
      const { service } = this.#server
      if (!service) return false
      const ends = new Map(this.#rooms.map((room) => [room, service.rooms.get(room)?.position]))
      return this.#clients.every((client) => client.isSettled(ends as Map<string, never>))
    }
    // Whether all is done is looked at now and then, not at every step.
    while (!done() && this.#timeline.now < start + SETTLE_BOUND) {
      await this.#timeline.run(this.#timeline.now + 250)
    }
    if (!done()) this.#problems.push(`not settled ${SETTLE_BOUND} ms after the last fault`)
    if (!this.#server.service) return
    this.#note({ type: 'quiet' })
    for (const client of this.#clients) client.watchPresence()
    await this.#timeline.run(this.#timeline.now + PRESENCE_BOUND)
    this.#logs = await this.#server.logs(this.#rooms)
    this.#judged = this.#history.length
  }

  /** Everyone leaves; nothing may be left behind. */
  async #end(): Promise<void> {
    for (const client of this.#clients) client.close()
    // Who has stopped is promised nothing: the history to be judged ends before.
    this.#history.length = this.#judged
    await this.#timeline.run(this.#timeline.now + 20_000)
    const { service } = this.#server
    if (!service) return
    const { rooms } = await service.broker.rooms({ limit: 100 })
    const left = {
      ...service.sizes(),
      members: rooms.reduce((sum, { members }) => sum + members, 0),
    }
    for (const [what, count] of Object.entries(left)) {
      if (count > 0) this.#problems.push(`${count} ${what} are left behind`)
    }
    this.#server.crash()
  }

  /** Rooms that hold nothing are forgotten after a while: then the next message begins an epoch. */
  #forgotten(changes: readonly Change[], store: LogStore): void {
    for (const change of changes) {
      if (change.kind === 'forget') this.#note({ type: 'erase', room: change.name })
      if (change.kind !== 'epoch') continue
      for (const room of this.#rooms) if (!store.room(room)) this.#note({ type: 'erase', room })
    }
  }

  #note(event: ServiceEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never) {
    this.#history.push({ ...event, at: this.#timeline.now } as ServiceEvent)
  }
}
