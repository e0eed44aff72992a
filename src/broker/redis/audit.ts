import type { Clock } from '../../clock.js'
import { evict, type PresenceStore } from './retire.js'

/** Milliseconds after which every node that lives has renewed its lease, whatever Redis lost. */
const DELAY = 9000
/** Rooms that are looked at in one round. */
const MAX_ROOMS = 1000

/**
 * Finds members that are held by nodes of which nobody knows. That takes two accidents: Redis lost
 * everything, leases included, and a node that went on entering users was killed before it noticed.
 * So a room is looked at some time after this node began to hold it, and after every break.
 */
export class Audit {
  readonly #store: PresenceStore
  readonly #clock: Clock
  /** When a room is due, monotonic milliseconds; in the order of that. */
  readonly #due = new Map<string, number>()

  constructor(store: PresenceStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Has a room looked at later. */
  watch(room: string): void {
    this.#due.delete(room)
    this.#due.set(room, this.#clock.monotonic() + DELAY)
  }

  /**
   * Looks at the rooms that are due. Rejects when Redis is away; they stay due.
   * @param own this node's id, whose lease has just been renewed
   */
  async run(own: string): Promise<void> {
    const rooms = this.#take()
    if (rooms.length === 0) return
    try {
      const held = await Promise.all(rooms.map((room) => this.#holders(room)))
      // After them: whoever holds a room took its lease before.
      const { shards, keys } = this.#store
      const { slot, name } = keys.nodes
      const known = new Set(await shards.send<string[]>(slot, ['ZRANGE', name, '0', '-1']))
      // Everything was lost in this very moment: the others are about to renew theirs, too.
      if (!known.has(own)) throw new Error('the lease is lost')
      const unknown = held.flat().filter(({ node }) => !known.has(node))
      await Promise.all(unknown.map(({ room, node }) => evict(shards, keys.room(room), node)))
    } catch (error) {
      for (const room of rooms) this.watch(room)
      throw error
    }
  }

  #take(): string[] {
    const rooms: string[] = []
    const now = this.#clock.monotonic()
    for (const [room, due] of this.#due) {
      if (due > now || rooms.length === MAX_ROOMS) break
      rooms.push(room)
      this.#due.delete(room)
    }
    return rooms
  }

  async #holders(room: string): Promise<{ room: string; node: string }[]> {
    const { shards, keys } = this.#store
    const { slot, holders } = keys.room(room)
    const nodes = await shards.send<string[]>(slot, ['SMEMBERS', holders])
    return nodes.map((node) => ({ room, node }))
  }
}
