import type { LogMessage } from '../broker/broker.js'
import { Batch } from '../connections/batch.js'
import type { Company, Connection, Flushable, FlushQueue } from '../connections/connection.js'
import type { Position } from '../protocol/actions.js'
import { withEpoch } from '../protocol/encode.js'
import type { Joiner } from './joiner.js'

/**
 * A room as this node sees it: its local members and the events they are to get. All events of
 * one turn are encoded into one buffer, and every member gets that same buffer. While messages of
 * this node are on their way through the log, what has come in is held back once for them: a
 * commit that takes half of what is in flight would else halve what every write carries.
 */
export class Room implements Flushable, Company {
  readonly name: string
  /** Members that get every event as it comes. */
  readonly members = new Set<Connection>()
  /** Members that are being brought up to date; they hold events back until they are. */
  readonly joiners = new Set<Joiner>()

  readonly #flushQueue: FlushQueue
  readonly #onDelivered: (storedAt: number) => void
  #epoch = ''
  #offset = -1
  #announceEpoch = false
  #events: string[] = []
  /** UTF-16 units of JSON in them. */
  #length = 0
  /** When the oldest message among them was stored; 0 = there is none. */
  #storedAt = 0
  /** Appends of this node that are under way. */
  #expected = 0
  #held = false
  /** The holding ends with this turn. */
  #due = false
  #early: { epoch: string; message: LogMessage }[] | undefined = []
  #waiting: { offset: number; reached: () => void }[] = []

  constructor(name: string, flushQueue: FlushQueue, onDelivered: (storedAt: number) => void) {
    this.name = name
    this.#flushQueue = flushQueue
    this.#onDelivered = onDelivered
  }

  /** Position of the newest message that was handed to this room. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset }
  }

  /** Whether events are held back for messages that are under way. */
  get held(): boolean {
    return this.#held
  }

  /** Counts an append that is under way. Each call wants one `settled`. */
  expect(): void {
    this.#expected++
  }

  /** An append has come to its end, whichever; its message was handed over before. */
  settled(): void {
    if (--this.#expected === 0 && this.#held) this.#endHold()
  }

  /** Sets the position after which messages follow, once, when the subscription stands. */
  start(position: Position): void {
    const early = this.#early
    if (!early) return
    this.#early = undefined
    this.#epoch = position.epoch
    this.#offset = position.offset
    for (const { epoch, message } of early) {
      if (epoch === position.epoch && message.offset > position.offset) this.message(epoch, message)
    }
  }

  /** Takes a message from the broker: always the one after the last, or the first of a new epoch. */
  message(epoch: string, message: LogMessage): void {
    if (this.#early) {
      this.#early.push({ epoch, message })
      return
    }
    if (epoch !== this.#epoch) this.reset({ epoch, offset: 0 })
    this.#offset = message.offset
    const event = this.#announceEpoch ? withEpoch(message.json, epoch) : message.json
    this.#announceEpoch = false
    if (this.members.size > 0) this.#storedAt ||= message.time
    this.#add(event, message.offset)
    if (this.#held) this.#endHold()
    if (this.#waiting.length > 0) this.#wake()
  }

  /** The log was lost or erased. */
  reset(position: Position): void {
    // What is waiting is of the old epoch.
    this.flush()
    this.#early = undefined
    this.#epoch = position.epoch
    this.#offset = position.offset
    this.#announceEpoch = true
    for (const joiner of this.joiners) joiner.reset()
    this.event(JSON.stringify({ event: 'reset', room: this.name, ...position }))
    for (const { reached } of this.#waiting.splice(0)) reached()
  }

  /** Sends an event that is not stored to every member. */
  event(event: string): void {
    this.#add(event, 0)
  }

  /** Resolves when the room has been handed this offset, or was reset. */
  reached(offset: number): Promise<void> {
    if (this.#offset >= offset) return Promise.resolve()
    return new Promise((reached) => {
      this.#waiting.push({ offset, reached })
    })
  }

  /** Makes a connection a live member: the next thing it gets is what comes after this call. */
  admit(connection: Connection): void {
    this.flush()
    this.members.add(connection)
  }

  /** Ends a membership. What is held back for the sake of other messages is due to it still. */
  dismiss(connection: Connection): void {
    if (this.#held && connection.open) this.flush()
    this.members.delete(connection)
  }

  endTurn(): void {
    if (this.#expected > 0 && this.#events.length > 0 && !this.#due) {
      this.#held = true
      this.#flushQueue.hold(this)
    } else this.flush()
  }

  /** Sends what has come in to the members, in one buffer. */
  flush(): void {
    if (this.#held) {
      this.#held = false
      this.#due = false
      this.#flushQueue.release(this)
    }
    if (this.#events.length === 0) return
    const batch = new Batch(this.#events, this.#epoch)
    this.#events = []
    this.#length = 0
    for (const member of this.members) member.deliver(batch)
    if (this.#storedAt === 0) return
    this.#onDelivered(this.#storedAt)
    this.#storedAt = 0
  }

  #endHold(): void {
    if (this.#due) return
    this.#due = true
    this.#flushQueue.add(this)
  }

  #wake(): void {
    for (const { reached } of this.#waiting.filter(({ offset }) => offset <= this.#offset))
      reached()
    this.#waiting = this.#waiting.filter(({ offset }) => offset > this.#offset)
  }

  #add(event: string, offset: number): void {
    for (const joiner of this.joiners) joiner.hold(event, offset)
    if (this.members.size === 0) return
    if (this.#events.push(event) === 1) this.#flushQueue.add(this)
    this.#length += event.length
    if (this.#length > MAX_LENGTH) this.flush()
  }
}

/**
 * UTF-16 units after which nothing more is waited for: joining more saves nothing, and a member that
 * reads must not look slow for what it is sent at once.
 */
const MAX_LENGTH = 65_536
