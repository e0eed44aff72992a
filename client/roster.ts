import type { Joined, Left, Member } from '../src/protocol/events.js'
import type { Clock } from './clock.js'

/** Members that are kept by name; a room's `count` counts them all. */
const LONGEST_LIST = 1000

/** What a roster needs of its room. */
interface RosterRoom {
  readonly client: { readonly settings: { readonly clock: Clock } }
  emit(name: 'members'): void
  /** Joins once more: the answer has the members. */
  rejoin(): void
}

/**
 * Who is in a room, as `joined` and `left` tell. Each of them brings how many there are after it: where
 * the list has more than that, a leave was not told (the server lost who was there, say), and the
 * room is joined again, up to 5 s later: all members see that at once.
 */
export class Roster {
  count = 0
  list: readonly Member[] = []
  readonly #room: RosterRoom
  #cancel: () => void = () => {}

  constructor(room: RosterRoom) {
    this.#room = room
  }

  set(list: readonly Member[], count: number): void {
    this.count = count
    this.list = list
    this.#room.emit('members')
    this.#cancel()
    const { clock } = this.#room.client.settings
    if (list.length > count) {
      this.#cancel = clock.after(clock.random() * 5000, () => this.#room.rejoin())
    }
  }

  apply(event: Joined | Left): void {
    const { user, nick } = event
    const others = this.list.filter((member) => member.user !== user)
    if (event.event === 'joined') others.push({ user, nick })
    this.set(others.slice(0, LONGEST_LIST), event.members)
  }
}
