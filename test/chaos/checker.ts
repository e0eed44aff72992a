import type { ClientEvent, FinalLog, HistoryEvent } from './history.js'
import { type Claim, RoomFacts } from './room-facts.js'
import { View } from './view.js'

/** The promises, one rule each. */
export const RULES = {
  lost: 'an acknowledged message is missing from the log',
  unlogged: 'a client was given a message that is not in the log',
  altered: 'a message in the log is not what was sent',
  twice: 'a message has two places, or was given to a client twice',
  order: 'clients disagree about a place, or messages stand in the wrong order',
  hole: 'offsets have a hole',
  behind: 'a member misses the end of the log',
  epoch: 'the epoch changed without a loss, without notice, or back',
  unanswered: 'a message was neither acknowledged nor refused',
  presence: 'members have not settled within the bound',
} as const

export type Rule = keyof typeof RULES

/** A broken promise, with the events (indices into the history) that show it. */
export interface Violation {
  readonly rule: Rule
  readonly text: string
  readonly events: readonly number[]
}

export interface CheckOptions {
  /** Milliseconds after `quiet` within which everyone has to know who is there. */
  readonly presenceBound: number
}

/**
 * Judges a history against the logs that are left at its end. Pure: the same input gives the same
 * answer. An empty list says that every promise was kept.
 */
export function check(
  history: readonly HistoryEvent[],
  logs: readonly FinalLog[],
  options: CheckOptions,
): Violation[] {
  const checker = new Checker(history, options)
  for (const index of history.keys()) checker.take(index)
  checker.finish(logs)
  return checker.violations
}

type Of<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>
type Client = Of<'client'> & { stopped: boolean }

class Checker {
  readonly violations: Violation[] = []
  readonly #history: readonly HistoryEvent[]
  readonly #options: CheckOptions
  readonly #clients = new Map<string, Client>()
  readonly #rooms = new Map<string, RoomFacts>()
  readonly #views = new Map<string, View>()
  /** Violations already told: one hole is not to be reported by every rule that stumbles over it. */
  readonly #told = new Set<string>()
  /** Times that all logs were lost; a room that appears later may have had them all. */
  #losses = 0
  #quiet: number | undefined
  #end = Number.POSITIVE_INFINITY

  constructor(history: readonly HistoryEvent[], options: CheckOptions) {
    this.#history = history
    this.#options = options
  }

  take(index: number): void {
    const event = this.#history[index] as HistoryEvent
    if (event.type === 'erase') this.#room(event.room).allowed++
    else if (event.type === 'lost') this.#loseAll()
    else if (event.type === 'quiet') this.#quiet = event.at
    else if (event.type === 'end') this.#end = event.at
    else if (event.type !== 'fault') this.#client(event, index)
  }

  finish(logs: readonly FinalLog[]): void {
    for (const log of logs) {
      this.#epochSeen(log.room, log.epoch, [])
      for (const claim of this.#room(log.room).checkLog(log)) this.#tell(claim)
    }
    for (const room of this.#rooms.values()) {
      for (const claim of room.unanswered((client) => this.#isAlive(client))) this.#tell(claim)
      for (const claim of room.misorderedSenders((client) => this.#isOrdered(client))) {
        this.#tell(claim)
      }
    }
    const ends = new Map(logs.map((log) => [log.room, log]))
    for (const view of this.#views.values()) {
      if (!view.live) continue
      const end = ends.get(view.room)
      if (end) for (const claim of view.checkEnd(end)) this.#tell(claim)
    }
    this.#checkPresence()
  }

  #client(event: ClientEvent, index: number): void {
    switch (event.type) {
      case 'client':
        this.#clients.set(event.client, { ...event, stopped: false })
        return
      case 'send':
        this.#room(event.room).send(event, this.#userOf(event.client), index)
        return
      case 'ok': {
        this.#epochSeen(event.room, event.epoch, [index])
        const facts = this.#room(event.room)
        for (const claim of facts.acknowledge(event, this.#userOf(event.client), index)) {
          this.#tell(claim)
        }
        return
      }
      case 'again':
        this.#room(event.room).sendAgain(this.#userOf(event.client), event.id)
        return
      case 'failed':
        this.#room(event.room).fail(this.#userOf(event.client), event.id)
        return
      case 'stop':
        this.#stop(event.client)
        return
      case 'note':
        return
      default:
        this.#view(event, index)
    }
  }

  #view(
    event: Of<'start'> | Of<'message'> | Of<'reset'> | Of<'leave'> | Of<'presence'>,
    index: number,
  ): void {
    const key = `${event.client}\u0000${event.room}`
    let view = this.#views.get(key)
    if (!view) {
      view = new View(event.client, event.room)
      this.#views.set(key, view)
    }
    if (event.type === 'leave') view.live = false
    else if (event.type === 'presence') view.presence.push({ at: event.at, index })
    else {
      this.#epochSeen(event.room, event.epoch, [index])
      for (const claim of view.take(event, index)) this.#tell(claim)
      if (event.type !== 'message') return
      for (const claim of this.#room(event.room).give(event, index)) this.#tell(claim)
    }
  }

  #stop(client: string): void {
    const known = this.#clients.get(client)
    if (known) known.stopped = true
    for (const view of this.#views.values()) if (view.client === client) view.live = false
  }

  #loseAll(): void {
    this.#losses++
    for (const room of this.#rooms.values()) room.allowed++
  }

  /** One epoch a room, and one more for each time that its log was lost or erased. */
  #epochSeen(room: string, epoch: string, events: number[]): void {
    const facts = this.#room(room)
    if (facts.epochs.has(epoch)) return
    facts.epochs.add(epoch)
    if (facts.epochs.size <= facts.allowed) return
    const text = `room ${room} has the new epoch ${epoch}, though its log was not lost or erased`
    this.#tell({ rule: 'epoch', key: `${room} ${epoch}`, text, events })
  }

  #checkPresence(): void {
    if (this.#quiet === undefined) return
    const deadline = Math.min(this.#quiet + this.#options.presenceBound, this.#end)
    const present = new Map<string, Set<string>>()
    for (const { live, client, room } of this.#views.values()) {
      if (!live) continue
      const users = present.get(room) ?? new Set()
      present.set(room, users.add(this.#userOf(client)))
    }
    for (const view of this.#views.values()) {
      if (!view.live || !this.#clients.get(view.client)?.presence) continue
      const known = view.presence.findLast(({ at }) => at <= deadline)
      const event = known && (this.#history[known.index] as Of<'presence'>)
      const users = [...(event?.users ?? [])].sort().join(', ')
      const expected = [...(present.get(view.room) ?? [])].sort().join(', ')
      if (users === expected) continue
      const text = `${view.client} sees [${users}] in room ${view.room}, where [${expected}] are`
      const events = known ? [known.index] : []
      this.#tell({ rule: 'presence', key: `${view.client} ${view.room}`, text, events })
    }
  }

  #tell({ rule, key, text, events }: Claim): void {
    const told = `${rule} ${key}`
    if (this.#told.has(told)) return
    this.#told.add(told)
    this.violations.push({ rule, text, events })
  }

  #room(name: string): RoomFacts {
    let room = this.#rooms.get(name)
    if (!room) {
      room = new RoomFacts(name, 1 + this.#losses)
      this.#rooms.set(name, room)
    }
    return room
  }

  #userOf(client: string): string {
    return this.#clients.get(client)?.user ?? client
  }

  #isAlive(client: string): boolean {
    return this.#clients.get(client)?.stopped !== true
  }

  #isOrdered(client: string): boolean {
    return this.#clients.get(client)?.ordered === true
  }
}
