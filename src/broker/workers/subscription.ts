import type { Position } from '../../protocol/actions.js'
import type { Broker, LogMessage, PresenceChange, RoomSignal } from '../broker.js'
import type { Link } from './link.js'

/**
 * Bytes that may wait for one worker. Beyond it the worker gets no more messages; they are in the
 * log, and it is given them from there once it has taken what waits.
 */
export const MAX_QUEUED = 16 * 1024 * 1024

/** A page of the log for a worker that is behind: messages, and UTF-16 units of JSON. */
const PAGE = { limit: 1000, maxLength: 1024 * 1024 }

/** What a worker is not given as it comes. */
interface Behind {
  /** The last message that it was given. */
  offset: number
  /** The newest message that it was not given. */
  newest: number
}

/** What a worker that is subscribed to a room gets: every message once, in the order of the log. */
export class Subscription {
  readonly room: string
  readonly #link: Link
  readonly #read: Broker['read']
  #behind: Behind | undefined

  constructor(room: string, link: Link, read: Broker['read']) {
    this.room = room
    this.#link = link
    this.#read = read
  }

  /** Whether messages are held back. */
  get isBehind(): boolean {
    return this.#behind !== undefined
  }

  /** @param item the message as an encoded item without its text */
  message(message: LogMessage, item: string): void {
    const { offset, json } = message
    if (this.#behind === undefined && this.#link.queued > MAX_QUEUED) {
      this.#behind = { offset: offset - 1, newest: offset }
    }
    if (this.#behind === undefined) this.#link.push(item, json)
    else this.#behind.newest = offset
  }

  reset(position: Position): void {
    this.#behind = undefined
    this.#link.send(['reset', this.room, position])
  }

  presence(change: PresenceChange): void {
    this.#link.send(['presence', this.room, change])
  }

  signal(signal: RoomSignal): void {
    if (this.#behind === undefined) this.#link.send(['signal', this.room, signal])
  }

  /** Gives the next page of what was held back. Rejects when the log cannot be read. */
  async catchUp(): Promise<void> {
    const behind = this.#behind
    if (behind === undefined) return
    const { epoch, first, messages } = await this.#read(this.room, {
      after: behind.offset,
      upTo: behind.newest,
      ...PAGE,
    })
    if (this.#behind !== behind) return
    if (first > behind.offset + 1) {
      // Retention was faster than this worker.
      behind.offset = Math.min(first - 1, behind.newest)
      this.#link.send(['reset', this.room, { epoch, offset: behind.offset }])
    }
    for (const { offset, time, json } of messages) {
      this.#link.send(['message', this.room, epoch, offset, time], json)
      behind.offset = offset
    }
    if (behind.offset >= behind.newest) this.#behind = undefined
  }
}
