import type { Connection } from './connection.js'

/**
 * Every open connection of this process, by id, user, address and room, each in constant time.
 * REST, WebSocket and health read this one. Rooms are indexed by the rooms themselves, which
 * `rooms` hands in, so that there is one collection of a room's members and not two.
 */
export class ConnectionRegistry {
  readonly #byId = new Map<string, Connection>()
  /** A user's one connection, or all of them: a set for each would be what most users cost most. */
  readonly #byUser = new Map<string, Connection | Set<Connection>>()
  readonly #byAddress = new Map<string, number>()
  readonly #membersOf: (room: string) => ReadonlySet<Connection> | undefined

  constructor(membersOf: (room: string) => ReadonlySet<Connection> | undefined) {
    this.#membersOf = membersOf
  }

  /** How many connections are open. */
  get size(): number {
    return this.#byId.size
  }

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection)
    const ofUser = this.#byUser.get(connection.user)
    if (ofUser === undefined) this.#byUser.set(connection.user, connection)
    else if (ofUser instanceof Set) ofUser.add(connection)
    else this.#byUser.set(connection.user, new Set([ofUser, connection]))
    this.#byAddress.set(connection.address, this.countOfAddress(connection.address) + 1)
  }

  /** Forgets a connection. Returns false when it was not here. */
  remove(connection: Connection): boolean {
    if (!this.#byId.delete(connection.id)) return false
    const ofUser = this.#byUser.get(connection.user)
    if (ofUser instanceof Set) ofUser.delete(connection)
    if (ofUser === connection || (ofUser as Set<Connection>).size === 0) {
      this.#byUser.delete(connection.user)
    }
    const ofAddress = this.countOfAddress(connection.address) - 1
    if (ofAddress > 0) this.#byAddress.set(connection.address, ofAddress)
    else this.#byAddress.delete(connection.address)
    return true
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id)
  }

  /** All connections, oldest first. */
  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#byId.values()
  }

  ofUser(user: string): ReadonlySet<Connection> {
    const ofUser = this.#byUser.get(user)
    if (ofUser === undefined) return NONE
    return ofUser instanceof Set ? ofUser : new Set([ofUser])
  }

  countOfUser(user: string): number {
    const ofUser = this.#byUser.get(user)
    if (ofUser === undefined) return 0
    return ofUser instanceof Set ? ofUser.size : 1
  }

  inRoom(room: string): ReadonlySet<Connection> {
    return this.#membersOf(room) ?? NONE
  }

  countOfEndpoint(endpoint: Connection['endpoint']): number {
    let count = 0
    for (const connection of this) if (connection.endpoint === endpoint) count++
    return count
  }

  countOfAddress(address: string): number {
    return this.#byAddress.get(address) ?? 0
  }

  /** Sizes of every index, for leak checks: all 0 when nobody is connected. */
  sizes(): { connections: number; users: number; addresses: number } {
    return {
      connections: this.#byId.size,
      users: this.#byUser.size,
      addresses: this.#byAddress.size,
    }
  }
}

const NONE: ReadonlySet<Connection> = new Set()
