import type { LogStore, RoomRecord } from './store.js'

/** What the broker knows of one room's log without asking the store. */
export interface Head {
  readonly room: string
  /** The room's record; undefined until something is stored in it. */
  record: RoomRecord | undefined
  epoch: string
  /** Offset of the newest message that is in the log: what readers may see. */
  offset: number
  /** No message below this offset is shown any more. Only ever grows within an epoch. */
  first: number
  /** This node's handler gets the room's events. */
  subscribed: boolean
  /** Part of the commit under way, or of one whose outcome is unknown: must stay in memory. */
  busy: boolean
}

/**
 * Heads of rooms: of subscribed and busy ones always, of others with a record the most recently
 * used. The epoch of an idle room without a record is always the store's.
 */
export class Heads {
  readonly #store: LogStore
  readonly #limit: number
  readonly #held = new Map<string, Head>()
  /** Neither subscribed nor busy; least recently used first. */
  readonly #idle = new Map<string, Head>()

  constructor(store: LogStore, limit = 10_000) {
    this.#store = store
    this.#limit = limit
  }

  /** A room's head. Throws what the store throws. */
  get(room: string): Head {
    const held = this.#held.get(room)
    if (held !== undefined) return held
    const idle = this.#idle.get(room)
    if (idle !== undefined) {
      this.#idle.delete(room)
      this.#idle.set(room, idle)
      return idle
    }
    const head = this.#load(room)
    this.#keepIdle(head)
    return head
  }

  isSubscribed(room: string): boolean {
    return this.#held.get(room)?.subscribed === true
  }

  subscribe(room: string): Head {
    const head = this.get(room)
    head.subscribed = true
    this.#hold(head)
    return head
  }

  unsubscribe(room: string): void {
    const head = this.#held.get(room)
    if (head === undefined) return
    head.subscribed = false
    this.#release(head)
  }

  occupy(head: Head): void {
    head.busy = true
    this.#hold(head)
  }

  vacate(head: Head): void {
    head.busy = false
    this.#release(head)
  }

  #hold(head: Head): void {
    this.#idle.delete(head.room)
    this.#held.set(head.room, head)
  }

  #release(head: Head): void {
    if (head.subscribed || head.busy) return
    this.#held.delete(head.room)
    this.#keepIdle(head)
  }

  #keepIdle(head: Head): void {
    if (head.record === undefined) return
    this.#idle.set(head.room, head)
    if (this.#idle.size <= this.#limit) return
    for (const room of this.#idle.keys()) {
      this.#idle.delete(room)
      return
    }
  }

  #load(room: string): Head {
    const record = this.#store.room(room)
    const trimmed = record?.trimmed ?? 0
    return {
      room,
      record,
      epoch: record?.epoch ?? this.#store.epoch().epoch,
      offset: record === undefined ? 0 : (this.#store.newest(record.key)?.offset ?? trimmed),
      first: trimmed + 1,
      subscribed: false,
      busy: false,
    }
  }
}
