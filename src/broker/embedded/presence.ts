import type { Member } from '../../protocol/events.js'
import type { MembersPage, MembersQuery, Presence, PresenceChange } from '../broker.js'
import { SortedNames } from './sorted-names.js'

/** Who is in which room, counting connections. */
export class PresenceTable {
  readonly #rooms = new Map<string, RoomMembers>()
  readonly #names = new SortedNames()
  readonly #announce: (room: string, change: PresenceChange) => void

  /** `announce` is called for each change that others should hear of. It does not throw. */
  constructor(announce: (room: string, change: PresenceChange) => void) {
    this.#announce = announce
  }

  enter(room: string, { user, nick }: Member): Presence {
    const members = this.#rooms.get(room) ?? this.#open(room)
    const member = members.byUser.get(user)
    if (member === undefined) {
      members.byUser.set(user, { nick, connections: 1 })
      members.users.add(user)
    } else {
      member.connections++
      if (member.nick === nick) return { changed: false, count: members.users.size }
      member.nick = nick
    }
    const count = members.users.size
    this.#announce(room, { change: 'joined', user, nick, count })
    return { changed: true, count }
  }

  leave(room: string, user: string): Presence {
    const members = this.#rooms.get(room)
    const member = members?.byUser.get(user)
    if (members === undefined || member === undefined) {
      return { changed: false, count: this.count(room) }
    }
    if (--member.connections > 0) return { changed: false, count: members.users.size }
    members.byUser.delete(user)
    members.users.delete(user)
    const count = members.users.size
    if (count === 0) this.#close(room)
    this.#announce(room, { change: 'left', user, nick: member.nick, count })
    return { changed: true, count }
  }

  count(room: string): number {
    return this.#rooms.get(room)?.users.size ?? 0
  }

  page(room: string, { after, limit }: MembersQuery): MembersPage {
    const found = this.#rooms.get(room)
    if (found === undefined) return { members: [], count: 0, more: false }
    const members: Member[] = []
    let more = false
    for (const user of found.users.from(after ?? '')) {
      if (user === after) continue
      more = members.length >= limit
      if (more) break
      members.push({ user, nick: found.byUser.get(user)?.nick as string })
    }
    return { members, count: found.users.size, more }
  }

  /** Rooms with members, in order, from the first that is not below `from`. */
  rooms(from: string): Iterable<string> {
    return this.#names.from(from)
  }

  #open(room: string): RoomMembers {
    const members = { byUser: new Map(), users: new SortedNames() }
    this.#rooms.set(room, members)
    this.#names.add(room)
    return members
  }

  #close(room: string): void {
    this.#rooms.delete(room)
    this.#names.delete(room)
  }
}

interface RoomMembers {
  readonly byUser: Map<string, { nick: string; connections: number }>
  readonly users: SortedNames
}
