/**
 * Rooms that were found empty, and since when. A room that was erased a moment ago is about to be
 * joined again by those who were told so, or who are on their way back from a restart: forgotten
 * meanwhile, it would have yet another epoch, and they would be told of a loss that was none.
 */
export class EmptyRooms {
  readonly #since = new Map<string, { readonly key: number; readonly time: number }>()

  /**
   * Whether a room that is empty now has been for long enough to be forgotten.
   * @param key of its record: an erased room is another one
   * @param now monotonic milliseconds
   */
  isDue(name: string, key: number, now: number): boolean {
    const known = this.#since.get(name)
    if (known?.key === key) return now - known.time >= FORGET_AFTER
    // One that finds no place here is found again in a later pass.
    if (known !== undefined || this.#since.size < MAX_KNOWN)
      this.#since.set(name, { key, time: now })
    return false
  }

  /** The room is forgotten, or is not empty. */
  delete(name: string): void {
    this.#since.delete(name)
  }
}

/** Milliseconds: clients that lost their connection are back by then. */
const FORGET_AFTER = 300_000
const MAX_KNOWN = 10_000
