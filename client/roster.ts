import type { Joined, Left, Member } from '../src/protocol/events.js'
import type { Clock } from './clock.js'
import type { ParleyError } from './errors.js'
import { pauseAfter } from './pauses.js'
import type { MembersPage } from './room-api.js'

/** Members that are kept by name; a room's `count` counts them all. */
const LONGEST_LIST = 1000

/** Bounds of the wait before members are asked for again, milliseconds. */
const SHORTEST_WAIT = 1000
const LONGEST_WAIT = 5000

/** What a roster needs of its room. */
interface RosterRoom {
  readonly client: { readonly settings: { readonly clock: Clock } }
  members(query: { limit: number }): Promise<MembersPage>
  emit(name: 'members'): void
}

/**
 * Who is in a room, as `joined` and `left` tell. Each of them brings how many there are after it: where
 * the list does not come to that, something was not told (the server lost who was there, say), and
 * the members are asked for again. The wait before it is random, because all members see that at once.
 */
export class Roster {
  list: readonly Member[] = []
  count = 0
  readonly #room: RosterRoom
  /** The list has everybody; a join's answer and long lists have only the first. */
  #whole = true
  /** What came while the members are asked for: the answer may or may not have it. */
  #meanwhile: (Joined | Left)[] | undefined
  /** Calls the recount off that waits or is under way. */
  #cancel: (() => void) | undefined

  constructor(room: RosterRoom) {
    this.#room = room
  }

  /** Takes the list and the count that the server gave, which make up for everything before. */
  set(list: readonly Member[], count: number): void {
    this.#cancel?.()
    this.#whole = list.length === count
    this.#take(list, count)
  }

  apply(event: Joined | Left): void {
    this.#meanwhile?.push(event)
    this.#take(after(this.list, event), event.members)
  }

  #take(list: readonly Member[], count: number): void {
    this.list = list
    this.count = count
    this.#whole &&= count <= LONGEST_LIST
    this.#room.emit('members')
    const wrong = list.length > count || (this.#whole && list.length < count)
    if (!wrong && !this.#meanwhile) this.#cancel?.()
    else if (wrong && !this.#cancel) this.#recountIn(this.#randomWait())
  }

  #recountIn(ms: number): void {
    const cancel = this.#room.client.settings.clock.after(ms, () => void this.#recount())
    this.#cancel = () => {
      cancel()
      this.#cancel = this.#meanwhile = undefined
    }
  }

  async #recount(): Promise<void> {
    const meanwhile: (Joined | Left)[] = []
    this.#meanwhile = meanwhile
    try {
      const { members, count } = await this.#room.members({ limit: LONGEST_LIST })
      if (meanwhile !== this.#meanwhile) return
      this.set(members, count)
      for (const event of meanwhile) this.apply(event)
    } catch (error) {
      if (meanwhile !== this.#meanwhile) return
      this.#cancel?.()
      // Otherwise the connection is gone, and the next join brings the members.
      const pause = pauseAfter(error as ParleyError)
      if (pause) this.#recountIn(pause + this.#randomWait())
    }
  }

  #randomWait(): number {
    return (
      SHORTEST_WAIT + this.#room.client.settings.clock.random() * (LONGEST_WAIT - SHORTEST_WAIT)
    )
  }
}

/** The list after someone came, came back under another nick, or went. */
function after(list: readonly Member[], event: Joined | Left): readonly Member[] {
  const { user, nick } = event
  const others = list.filter((member) => member.user !== user)
  if (event.event === 'joined') others.push({ user, nick })
  return others.slice(0, LONGEST_LIST)
}
