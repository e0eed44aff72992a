import type { Joined, Left, Member } from '../../src/protocol/events.js'

/** How long events may take to come to the number that they bring, milliseconds. */
const PATIENCE = 1000

/**
 * The members of a room as a client of the protocol keeps them: asked for again when what was told does
 * not come to their number.
 */
export class RawMembers {
  readonly users = new Set<string>()
  readonly #ask: () => boolean
  #count = 0
  #checking: NodeJS.Timeout | undefined
  /** What came since they were asked for. */
  #meanwhile: (Joined | Left)[] = []

  /** @param ask asks the server, and tells whether the room is still of interest */
  constructor(ask: () => boolean) {
    this.#ask = ask
  }

  set(members: readonly Member[]): void {
    this.users.clear()
    for (const { user } of members) this.users.add(user)
    this.#count = members.length
  }

  change(event: Joined | Left): void {
    this.#meanwhile.push(event)
    this.#apply(event)
    this.#checkLater()
  }

  /** Takes the answer of when they were asked for again. */
  answered(members: readonly Member[]): void {
    this.set(members)
    for (const event of this.#meanwhile) this.#apply(event)
    this.#checkLater()
  }

  #apply({ event, user, members }: Joined | Left): void {
    if (event === 'joined') this.users.add(user)
    else this.users.delete(user)
    this.#count = members
  }

  /** Also when an answer did not come: then there is another connection, or a refusal. */
  #checkLater(): void {
    this.#checking ??= setTimeout(() => {
      this.#checking = undefined
      this.#meanwhile = []
      if (this.users.size === this.#count) return
      if (this.#ask()) this.#checkLater()
    }, PATIENCE).unref()
  }
}
