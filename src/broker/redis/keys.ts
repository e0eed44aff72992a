import slotOf from 'cluster-key-slot'

/** Where a room's data is: every key of a room is in one slot of a cluster. */
export interface RoomKeys {
  readonly slot: number
  /** Hash: epoch, offset, stamp of the newest message, first offset kept, number of the last presence change. */
  readonly meta: string
  /** Stream: the messages, entry id `<offset>-<stamp>`. */
  readonly log: string
  /** Hash: entry id of every message kept, by user and message id. */
  readonly ids: string
  /** Sorted set: the users in the room. */
  readonly users: string
  /** Hash: nick of every user, and on how many nodes the user is. */
  readonly nicks: string
  /** Stream: the last presence changes, for nodes that missed some. */
  readonly changes: string
  /** Sharded channel on which everything that happens in the room is published. */
  readonly channel: string
  /** Set: the nodes that have users in the room. */
  readonly holders: string
  /** Set: the users that one node has in the room. */
  held(node: string): string
}

/** A key, or channel, that belongs to no room. */
export interface Key {
  readonly slot: number
  readonly name: string
}

/** Names of everything that is kept in Redis, all below one prefix. */
export class Keys {
  /** Sorted set: nodes and when their leases end. */
  readonly nodes: Key
  /** Sorted set: names of rooms that have, or had, messages or members. */
  readonly rooms: Key
  /** Hashes: remembered values, and when they are gone. */
  readonly values: Key
  readonly expiries: Key
  /** Sharded channel that every node listens to. */
  readonly bus: Key
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.nodes = this.#key('nodes')
    this.rooms = this.#key('rooms')
    this.values = this.#key('values')
    this.expiries = this.#key('values', ':expiries')
    this.bus = this.#key('bus')
  }

  room(room: string): RoomKeys {
    const { name, slot } = this.#key(`room/${escapeTag(room)}`)
    return {
      slot,
      meta: `${name}:meta`,
      log: `${name}:log`,
      ids: `${name}:ids`,
      users: `${name}:users`,
      holders: `${name}:holders`,
      nicks: `${name}:nicks`,
      changes: `${name}:changes`,
      channel: `${name}:events`,
      held: (node) => `${name}:held:${node}`,
    }
  }

  /** Set: names of the rooms in which a node has members. */
  roomsOf(node: string): Key {
    return this.#key(`node/${node}`, ':rooms')
  }

  /** Sharded channel on which one node gets answers. */
  answers(node: string): Key {
    return this.#key(`node/${node}`, ':answers')
  }

  /** Sharded channel on which one node is asked questions, and told the answers to its own. */
  inbox(node: string): Key {
    return this.#key(`node/${escapeTag(node)}`, ':inbox')
  }

  /** String: how many events of a kind there were. */
  counter(key: string): Key {
    return this.#key(`count/${escapeTag(key)}`)
  }

  #key(tag: string, suffix = ''): Key {
    const name = `${this.#prefix}:{${tag}}`
    return { slot: slotOf(name), name: name + suffix }
  }
}

/** The hash tag ends at the first closing brace, so that names must not hold one. */
function escapeTag(name: string): string {
  return name.replace(/[%{}]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
}
