import { RETIRED, TELL_LEFT } from './presence-scripts.js'
import { type PresenceStore, presenceKeys } from './retire.js'

/** A user of whom Redis could not be told that they left. */
export interface OwedLeave {
  readonly room: string
  readonly user: string
  readonly nick: string
  /** The id under which this node held the user. */
  readonly node: string
}

/** Leaves that are kept; of more than that the oldest are given up. */
const MAX_OWED = 10_000
/** Commands under way at once. */
const BATCH = 100

/**
 * Leaves that Redis was not there to take. Mostly it still knows of the user when it is back, and
 * taking away what this node held announces the leave. Where Redis has lost that, too, nobody else
 * knows that there is something to tell.
 */
export class OwedLeaves {
  readonly #store: PresenceStore
  /** Nobody has looked yet whether Redis still knows of them. */
  #unsorted: OwedLeave[] = []
  /** Redis knows nothing of them. */
  #lost: OwedLeave[] = []

  constructor(store: PresenceStore) {
    this.#store = store
  }

  /** Whether a user may still be held by a node of this id. */
  has(node: string): boolean {
    return this.#unsorted.some((leave) => leave.node === node)
  }

  add(leave: OwedLeave): void {
    this.#unsorted.push(leave)
    if (this.#unsorted.length > MAX_OWED) this.#unsorted.shift()
  }

  /**
   * Forgets those who are taken away with what this node held, or have been by another one. To be called
   * before this node does so. Rejects when Redis is away again.
   * @param current the id that this node has now: what it holds is not taken away
   */
  async sort(current: string): Promise<void> {
    const leaves = this.#unsorted
    this.#unsorted = leaves.filter(({ node }) => node === current)
    const former = leaves.filter(({ node }) => node !== current)
    try {
      const lost: OwedLeave[] = []
      for (const batch of batches(former)) {
        const held = await Promise.all(batch.map((leave) => this.#isHeld(leave)))
        lost.push(...batch.filter((_, i) => !held[i]))
      }
      this.#lost = [...this.#lost, ...lost].slice(-MAX_OWED)
    } catch (error) {
      this.#unsorted = [...former, ...this.#unsorted].slice(-MAX_OWED)
      throw error
    }
  }

  /**
   * Announces the others. To be called when every node has entered again whom it has; may be
   * repeated. Rejects when Redis is away again.
   */
  async tell(): Promise<void> {
    const { shards, keys } = this.#store
    const leaves = this.#lost
    for (const batch of batches(leaves)) {
      await Promise.all(
        batch.map(({ room, user, nick, node }) => {
          const names = keys.room(room)
          return shards.run(names.slot, TELL_LEFT, presenceKeys(names, node), [user, nick])
        }),
      )
    }
    if (this.#lost === leaves) this.#lost = []
  }

  /** True also when what the node held has been taken away. */
  async #isHeld({ room, user, node }: OwedLeave): Promise<boolean> {
    const { shards, keys } = this.#store
    const { slot, held } = keys.room(room)
    const found = await shards.send<number[]>(slot, ['SMISMEMBER', held(node), user, RETIRED])
    return found.includes(1)
  }
}

function* batches<T>(all: readonly T[]): Generator<T[]> {
  for (let i = 0; i < all.length; i += BATCH) yield all.slice(i, i + BATCH)
}
