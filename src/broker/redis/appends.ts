import { ErrorReply } from '@redis/client'
import type { Clock, Scheduled } from '../../clock.js'
import { messageParts } from '../../protocol/encode.js'
import { type Appended, type NewMessage, StoreUnavailable } from '../broker.js'
import type { Keys, RoomKeys } from './keys.js'
import { type LiveMessage, parseEntryId } from './live.js'
import { APPEND } from './log-scripts.js'
import { Replication, TooFewReplicas } from './replication.js'
import type { Session } from './session.js'
import type { Shards } from './shards.js'

export interface LogLimits {
  readonly historyMessages: number
  readonly historySeconds: number
  readonly dedupeSeconds: number
}

export interface AppendsOptions extends LogLimits {
  /** How many replicas have to have a message before it is acknowledged. */
  readonly waitReplicas: number
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  /** Hands a new message of this node on before its append resolves. */
  readonly delivered: (room: string, message: LiveMessage) => Promise<void> | undefined
}

/** Reply of the append script: epoch, entry id, stamp of the message before, whether it was there. */
type Stored = [epoch: string, id: string, previous: string, repeated: number]

interface Job {
  readonly number: number
  readonly room: string
  readonly keys: RoomKeys
  readonly args: readonly string[]
  readonly length: number
  readonly pieces: { head: string; tail: string }
  /** Monotonic milliseconds after which its outcome is not waited for any more. */
  readonly deadline: number
  resolve(result: Appended): void
  reject(error: Error): void
}

/** How long an append whose outcome is unknown is tried again, milliseconds. */
const SETTLE_TIME = 5000
/** Appends, and UTF-16 units of payload, that may be under way; more are refused. */
const MAX_PENDING = 100_000
const MAX_PENDING_LENGTH = 64 * 1024 * 1024

/**
 * Appends under way. When a connection breaks, nobody knows whether the ones in flight were
 * carried out: they are sent again, in their order and before anything new, as soon as their
 * server is back; the script finds by their ids the ones that were. What is new meanwhile is
 * refused at once.
 */
export class Appends {
  readonly #options: AppendsOptions
  readonly #limits: readonly string[]
  /** Outcome unknown, by slot. */
  readonly #unsettled = new Map<number, Job[]>()
  #pending = 0
  #pendingLength = 0
  readonly #replication: Replication
  #count = 0
  #expiring: Scheduled | undefined
  #whenIdle: (() => void) | undefined

  constructor(options: AppendsOptions) {
    this.#options = options
    const { historyMessages, historySeconds, dedupeSeconds, waitReplicas } = options
    const lifetime = Math.max(historySeconds, dedupeSeconds) * 1000 + 60_000
    const times = [historySeconds * 1e6, dedupeSeconds * 1e6, lifetime]
    this.#limits = [historyMessages, ...times, waitReplicas].map(String)
    this.#replication = new Replication(waitReplicas, options.clock)
  }

  append(room: string, message: NewMessage): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const { clock, keys, shards } = this.#options
      const pieces = messageParts({ room, ...message })
      const length = message.msg.length
      if (this.#pending >= MAX_PENDING || this.#pendingLength + length > MAX_PENDING_LENGTH) {
        reject(new StoreUnavailable('too many messages wait for Redis'))
        return
      }
      const roomKeys = keys.room(room)
      const author = `${message.user}\u0000${message.id}`
      const session = shards.find(roomKeys.slot)
      if (session === undefined) {
        reject(shards.unavailable())
        return
      }
      this.#pending++
      this.#pendingLength += length
      const args = [clock.id(), author, pieces.head, pieces.tail, ...this.#limits]
      const deadline = clock.monotonic() + SETTLE_TIME
      const number = ++this.#count
      // A session may have begun a moment ago: what was in flight before it comes first.
      this.#sendAgain(roomKeys.slot, session)
      this.#send(
        { number, room, keys: roomKeys, args, length, pieces, deadline, resolve, reject },
        session,
      )
    })
  }

  /** Sends again what was in flight when the session before ended. */
  resume(): void {
    for (const slot of [...this.#unsettled.keys()]) {
      const session = this.#options.shards.find(slot)
      if (session !== undefined) this.#sendAgain(slot, session)
    }
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
  }

  #sendAgain(slot: number, session: Session): void {
    const jobs = this.#unsettled.get(slot)
    if (jobs === undefined) return
    this.#unsettled.delete(slot)
    for (const job of jobs.sort((a, b) => a.number - b.number)) this.#send(job, session)
  }

  #send(job: Job, session: Session): void {
    const { meta, log, ids, channel } = job.keys
    session.run(APPEND, [meta, log, ids, channel], job.args).then(
      (reply) => void this.#stored(job, session, reply as Stored),
      (error) => this.#failed(job, session, error),
    )
  }

  async #stored(job: Job, session: Session, [epoch, id, previous, repeated]: Stored) {
    const { offset, stamp } = parseEntryId(id)
    const time = Math.floor(stamp / 1000)
    const duplicate = repeated === 1
    if (!duplicate) {
      const json = `${job.pieces.head}${offset}${job.pieces.tail}${time}}`
      const message = { epoch, offset, stamp, previous: Number(previous), json }
      await this.#options.delivered(job.room, message)
    }
    try {
      await this.#replication.of(session)
    } catch (error) {
      this.#failed(job, session, error)
      return
    }
    this.#done(job)
    job.resolve({ epoch, offset, time, duplicate })
  }

  #failed(job: Job, session: Session, error: unknown): void {
    const refused =
      error instanceof TooFewReplicas ||
      (error instanceof ErrorReply && session.ended === undefined)
    const { clock, shards } = this.#options
    if (refused) shards.refused(error)
    if (refused || clock.monotonic() > job.deadline) {
      this.#done(job)
      job.reject(shards.unavailable(error))
      return
    }
    const unsettled = this.#unsettled.get(job.keys.slot)
    if (unsettled === undefined) this.#unsettled.set(job.keys.slot, [job])
    else unsettled.push(job)
    this.#expiring ??= clock.after(SETTLE_TIME, () => this.#expire())
  }

  /** Gives up what waited too long. A repeat of its id will tell what became of it. */
  #expire(): void {
    const { clock, shards } = this.#options
    this.#expiring = undefined
    const now = clock.monotonic()
    for (const [slot, jobs] of this.#unsettled) {
      const left = jobs.filter(({ deadline }) => deadline > now)
      if (left.length > 0) this.#unsettled.set(slot, left)
      else this.#unsettled.delete(slot)
      for (const job of jobs) {
        if (job.deadline > now) continue
        this.#done(job)
        job.reject(shards.unavailable())
      }
    }
    if (this.#unsettled.size > 0) {
      this.#expiring = clock.after(SETTLE_TIME / 5, () => this.#expire())
    }
  }

  #done({ length }: Job): void {
    this.#pending--
    this.#pendingLength -= length
    if (this.#pending === 0) this.#whenIdle?.()
  }
}
