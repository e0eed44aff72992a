import type { Clock, Scheduled } from '../../clock.js'
import type { Position } from '../../protocol/actions.js'
import type { BrokerHandler } from '../broker.js'
import { Feed } from './feed.js'
import type { Keys } from './keys.js'
import type { Session } from './session.js'
import type { Shards } from './shards.js'

export interface FeedsOptions {
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  /** Lifetime of a room that nobody writes to, milliseconds. */
  readonly lifetime: number
  readonly tell: (call: (handler: BrokerHandler) => void) => void
}

/** A room of which nothing was heard is compared with the log so often, milliseconds. */
const BETWEEN_LOOKS = 5000
const TICK = 250
/** Most rooms looked at in one tick; a round over more takes longer. */
const MAX_LOOKS = 100

/** The rooms that this node is subscribed to. */
export class Feeds {
  readonly #options: FeedsOptions
  readonly #feeds = new Map<string, Feed>()
  #ticking: Scheduled | undefined
  /** Rooms still to be looked at in this round. */
  #round: Feed[] = []

  constructor(options: FeedsOptions) {
    this.#options = options
  }

  start(): void {
    this.#ticking = this.#options.clock.every(TICK, () => this.#look())
  }

  stop(): void {
    this.#ticking?.cancel()
    for (const feed of this.#feeds.values()) feed.close()
  }

  get(room: string): Feed | undefined {
    return this.#feeds.get(room)
  }

  /** Subscribes. Resolves with the position after which messages follow. */
  async open(room: string): Promise<Position> {
    const open = this.#feeds.get(room)
    if (open !== undefined) return open.position
    const { shards, keys } = this.#options
    const feed = new Feed({ ...this.#options, room, keys: keys.room(room) })
    const session = shards.of(feed.keys.slot)
    this.#feeds.set(room, feed)
    try {
      await session.listen(feed.keys.channel, (text) => feed.receive(text))
      await feed.catchUp()
    } catch (error) {
      await this.close(room)
      throw shards.unavailable(error)
    }
    return feed.start as Position
  }

  /** Unsubscribes. Never rejects: with its session the subscription would be gone too. */
  async close(room: string): Promise<void> {
    const feed = this.#feeds.get(room)
    if (feed === undefined) return
    this.#feeds.delete(room)
    feed.close()
    const { slot, channel } = feed.keys
    await this.#options.shards
      .find(slot)
      ?.unlisten(channel)
      .catch(() => {})
  }

  /** Subscribes again to what a new session serves, and reads what was missed. */
  resume(session: Session): void {
    for (const feed of this.#feeds.values()) {
      if (this.#options.shards.find(feed.keys.slot) !== session) continue
      session
        .listen(feed.keys.channel, (text) => feed.receive(text))
        .catch((error) => session.end(String(error)))
        .then(() => feed.catchUp())
        .catch(() => {
          // Refused for now: the room is looked at again in the next round.
        })
    }
  }

  /** Looks at some of the rooms, so that a round over all takes `BETWEEN_LOOKS`. */
  #look(): void {
    if (this.#round.length === 0) this.#round = [...this.#feeds.values()]
    const count = Math.ceil((this.#feeds.size * TICK) / BETWEEN_LOOKS)
    for (const feed of this.#round.splice(0, Math.min(count, MAX_LOOKS))) this.#verify(feed)
  }

  #verify(feed: Feed): void {
    if (feed.heard) {
      feed.heard = false
      feed.deaf = 0
      return
    }
    const session = this.#options.shards.find(feed.keys.slot)
    if (session === undefined) return
    feed.verify().then(
      () => {
        if (feed.deaf > 1) session.end('what is published does not arrive')
      },
      () => {
        // The session has ended, or will: the next one reads what was missed.
      },
    )
  }
}
