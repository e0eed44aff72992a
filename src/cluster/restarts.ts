/** A worker that ends sooner after its start than this has had a short life, milliseconds. */
const SHORT_LIFE = 5000
/** Short lives in a row after which a worker is not replaced any more. */
const MAX_SHORT_LIVES = 5
const FIRST_DELAY = 100
const LONGEST_DELAY = 5000

/** When a worker that ended is replaced. One for each of a service's workers. */
export class Restarts {
  #shortLives = 0

  /**
   * To be called when the worker has ended.
   * @param lived milliseconds from its start
   * @returns how long to wait before the next start, milliseconds; undefined to give up
   */
  ended(lived: number): number | undefined {
    this.#shortLives = lived < SHORT_LIFE ? this.#shortLives + 1 : 0
    if (this.#shortLives >= MAX_SHORT_LIVES) return undefined
    return Math.min(FIRST_DELAY * 2 ** this.#shortLives, LONGEST_DELAY)
  }
}
