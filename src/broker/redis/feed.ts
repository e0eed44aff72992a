import type { Clock, Scheduled } from '../../clock.js'
import type { Position } from '../../protocol/actions.js'
import type { BrokerHandler, PresenceChange } from '../broker.js'
import type { RoomKeys } from './keys.js'
import { type LiveMessage, parseLive } from './live.js'
import { readMissed } from './missed.js'
import type { Shards } from './shards.js'
import { WaitingAppends } from './waiting-appends.js'

export interface FeedOptions {
  readonly room: string
  readonly keys: RoomKeys
  readonly shards: Shards
  readonly clock: Clock
  /** Lifetime of a room that nobody writes to, milliseconds. */
  readonly lifetime: number
  /** Calls the handler; does not throw. */
  readonly tell: (call: (handler: BrokerHandler) => void) => void
}

/** What came in while the log was being read. More is read from the log again. */
const MAX_HELD = 10_000
/** How long a message of this node waits for the ones of other nodes before it, milliseconds. */
const GAP_TIME = 50

/**
 * One room's events on their way from Redis to this node's handler. What is published is only a
 * hint: a message is handed on when it follows the last one, by its offset and by the stamp of
 * its predecessor. Whatever does not fit makes the feed read from the log what it has missed.
 */
export class Feed {
  readonly #options: FeedOptions
  #epoch = ''
  #offset = 0
  #stamp = 0
  #presence = 0
  #start: Position | undefined
  #closed = false
  #reading: Promise<void> | undefined
  #again = false
  /** Came in while the log was being read. */
  #held: LiveMessage[] = []
  /** Messages of this node that came in ahead of others, by offset. */
  readonly #early = new Map<number, LiveMessage>()
  #gap: Scheduled | undefined
  readonly #appends = new WaitingAppends()
  /** Something was heard through the subscription since this was last set to false. */
  heard = false
  /** How often in a row the log had what the subscription should have brought. */
  deaf = 0

  constructor(options: FeedOptions) {
    this.#options = options
  }

  get keys(): RoomKeys {
    return this.#options.keys
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset }
  }

  /** The position after which messages were handed on. */
  get start(): Position | undefined {
    return this.#start
  }

  /**
   * Reads what was missed; to be called when the subscription stands. The first time it only
   * takes the room's position. Never runs twice at once. @throws {StoreUnavailable}
   */
  catchUp(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#again = true
      return this.#reading
    }
    const reading: Promise<void> = this.#readAll().then(
      () => this.#read(reading, false),
      (error) => {
        // What waits is in the log; the next session begins by reading what was missed.
        this.#read(reading, true)
        throw error
      },
    )
    this.#reading = reading
    return reading
  }

  /** Looks whether the log has something that was not published to this node. */
  async verify(): Promise<void> {
    const { epoch, offset } = this.position
    await this.catchUp()
    const missed = epoch !== this.#epoch || offset !== this.#offset
    this.deaf = missed && !this.heard ? this.deaf + 1 : 0
  }

  /** Takes what was published on the room's channel. */
  receive(text: string): void {
    this.heard = true
    switch (text[0]) {
      case 'm':
        this.#accept(parseLive(text.slice(1)), false)
        break
      case 'p':
        this.#acceptPresence(text.slice(1))
        break
      case 's':
        this.#options.tell((h) => h.signal(this.#options.room, JSON.parse(text.slice(1))))
        break
      case 'r':
        this.#catchUpSoon()
        break
    }
  }

  /** Takes a message that this node has appended; resolves when it has been handed on. */
  own(message: LiveMessage): Promise<void> | undefined {
    this.#accept(message, true)
    const { epoch, offset } = message
    if (this.#closed || (epoch === this.#epoch && offset <= this.#offset && !this.#reading)) {
      return undefined
    }
    return this.#appends.wait(epoch, offset)
  }

  close(): void {
    this.#closed = true
    this.#gap?.cancel()
    this.#appends.releaseAll()
  }

  #accept(message: LiveMessage, own: boolean): void {
    if (this.#closed) return
    if (this.#reading !== undefined) {
      this.#hold(message)
      return
    }
    const { epoch, offset, stamp, previous } = message
    if (epoch === this.#epoch) {
      if (offset === this.#offset + 1 && previous === this.#stamp) {
        this.#deliver(message)
        this.#deliverEarly()
        return
      }
      // Heard before: by the reply to the append, or when the log was read.
      if (offset <= this.#offset && stamp <= this.#stamp) return
      if (own && offset > this.#offset + 1) {
        this.#wait(message)
        return
      }
    }
    this.#catchUpSoon()
  }

  #hold(message: LiveMessage): void {
    if (this.#held.length < MAX_HELD) this.#held.push(message)
    else this.#again = true
  }

  #wait(message: LiveMessage): void {
    this.#early.set(message.offset, message)
    this.#gap ??= this.#options.clock.after(GAP_TIME, () => this.#catchUpSoon())
  }

  #deliverEarly(): void {
    while (this.#early.size > 0) {
      const next = this.#early.get(this.#offset + 1)
      if (next === undefined || next.previous !== this.#stamp) break
      this.#early.delete(next.offset)
      this.#deliver(next)
    }
    if (this.#early.size === 0) {
      this.#gap?.cancel()
      this.#gap = undefined
    }
    this.#appends.release(this.#epoch, this.#offset)
  }

  #deliver({ offset, stamp, json }: Pick<LiveMessage, 'offset' | 'stamp' | 'json'>): void {
    this.#offset = offset
    this.#stamp = stamp
    const message = { offset, time: Math.floor(stamp / 1000), json }
    this.#options.tell((handler) => handler.message(this.#options.room, this.#epoch, message))
  }

  #acceptPresence(text: string): void {
    const number = Number(text.slice(0, text.indexOf('\n')))
    if (this.#closed || number <= this.#presence) return
    if (number === this.#presence + 1 && this.#reading === undefined) this.#deliverPresence(text)
    else this.#catchUpSoon()
  }

  #deliverPresence(text: string): void {
    const end = text.indexOf('\n')
    this.#presence = Number(text.slice(0, end))
    const change = JSON.parse(text.slice(end + 1)) as PresenceChange
    this.#options.tell((handler) => handler.presence(this.#options.room, change))
  }

  #catchUpSoon(): void {
    this.catchUp().catch(() => {
      // Redis is away, which is told elsewhere.
    })
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false
      // What has come in so far is in the log by now.
      this.#held = []
      this.#early.clear()
      await this.#readPage()
      if (this.#closed) return
    } while (this.#again)
    const held = this.#held
    this.#held = []
    this.#reading = undefined
    for (const message of held) this.#accept(message, false)
  }

  async #readPage(): Promise<void> {
    const { room, tell } = this.#options
    const known = { ...this.position, stamp: this.#stamp, presence: this.#presence }
    const missed = await readMissed(this.#options, known)
    if (this.#closed) return
    const { epoch, offset, from } = missed
    if (this.#epoch === '' || missed.isReset) {
      const first = this.#epoch === ''
      this.#epoch = epoch
      this.#offset = from
      if (first) this.#start = this.position
      else tell((handler) => handler.reset(room, { epoch, offset: from }))
    }
    for (const message of missed.messages) this.#deliver(message)
    for (const change of missed.changes) this.#deliverPresence(change)
    this.#presence = missed.presence
    if (this.#offset >= offset) this.#stamp = missed.stamp
    else this.#again = true
  }

  #read(reading: Promise<void>, failed: boolean): void {
    if (this.#reading === reading) this.#reading = undefined
    if (failed) this.#appends.releaseAll()
    else this.#appends.release(this.#epoch, this.#offset)
  }
}
