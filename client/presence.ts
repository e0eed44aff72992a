import type { Member } from '../src/protocol/events.js'
import type { PresenceChange } from './room-api.js'

/** Members that are kept by name; `count` counts them all. */
const LONGEST_LIST = 1000

/** Who is in a room, as far as the server has said. Each change makes a new list. */
export class Presence {
  list: readonly Member[] = []
  count = 0

  reset(members: readonly Member[], count: number): void {
    this.list = members
    this.count = count
  }

  joined(change: PresenceChange): void {
    const { user, nick, members } = change
    this.left(change)
    this.reset([...this.list, { user, nick }].slice(0, LONGEST_LIST), members)
  }

  left({ user, members }: PresenceChange): void {
    this.reset(
      this.list.filter((member) => member.user !== user),
      members,
    )
  }
}
