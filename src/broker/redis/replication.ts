import type { Clock } from '../../clock.js'
import type { Session } from './session.js'

/** How long replicas may take to have what was written, milliseconds. */
const WAIT_TIME = 1000

/** What was written is on too few replicas: it may be lost in a fail-over, and counts as not stored. */
export class TooFewReplicas extends Error {
  override readonly name = 'TooFewReplicas'

  constructor(wanted: number, reached: number) {
    super(`${reached} of ${wanted} replicas have the message after ${WAIT_TIME} ms`)
  }
}

/** Waits until enough replicas have what was written, once for all that was written in a turn. */
export class Replication {
  readonly #replicas: number
  readonly #clock: Clock
  readonly #waiting = new Map<Session, Promise<void>>()

  /** @param replicas how many must have it; 0 = nothing is waited for */
  constructor(replicas: number, clock: Clock) {
    this.#replicas = replicas
    this.#clock = clock
  }

  /**
   * Resolves when the replicas have everything of which a reply came on this session before.
   * @throws {TooFewReplicas} when they do not in time.
   */
  async of(session: Session): Promise<void> {
    if (this.#replicas === 0) return
    let waiting = this.#waiting.get(session)
    if (waiting === undefined) {
      waiting = this.#wait(session)
      this.#waiting.set(session, waiting)
    }
    await waiting
  }

  async #wait(session: Session): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve))
    this.#waiting.delete(session)
    const command = ['WAIT', String(this.#replicas), String(WAIT_TIME)]
    const reached = Number(await session.send(command))
    if (reached < this.#replicas) throw new TooFewReplicas(this.#replicas, reached)
  }
}
