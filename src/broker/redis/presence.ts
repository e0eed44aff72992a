import type { Clock, Scheduled } from '../../clock.js'
import type { Member } from '../../protocol/events.js'
import { type MembersPage, type MembersQuery, type Presence, StoreUnavailable } from '../broker.js'
import { Audit } from './audit.js'
import type { Keys } from './keys.js'
import { BETWEEN_LEASES, LEASE_TIME, lease } from './lease.js'
import { OwedLeaves } from './owed-leaves.js'
import { ENTER, LEAVE, MEMBERS } from './presence-scripts.js'
import { presenceKeys, retire } from './retire.js'
import type { Script } from './script.js'
import type { Shards } from './shards.js'

export interface PresenceOptions {
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  readonly onError: (error: unknown, what: string) => void
}

/** A room in which this node has members. */
interface Held {
  readonly users: Map<string, { nick: string; connections: number }>
  /** Resolves once the node's list of rooms has this one. */
  listed: Promise<unknown>
}

/**
 * Who is where. This node's connections are counted here; Redis is told of a user's first and
 * last on this node, under an id that lives as long as the node's lease. When there is doubt
 * whether Redis has all of it (the lease was lost, a connection broke, everything was erased), the node takes a new id,
 * enters everybody under it and then takes away what the old id held: so nobody who stayed is
 * told to have left, and nobody who left stays behind.
 */
export class ClusterPresence {
  readonly #options: PresenceOptions
  readonly #rooms = new Map<string, Held>()
  #node: string
  /** Ids that this node had and that may still hold users. */
  readonly #former = new Set<string>()
  #refreshing: Scheduled | undefined
  /** Monotonic milliseconds before which no other node is held to be dead. */
  #trust = 0
  #evicting = false
  /** Redis may not have everybody of this node. */
  #doubt = false
  #closed = false
  #regaining: Promise<void> | undefined
  readonly #audit: Audit
  readonly #owed: OwedLeaves

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#node = options.clock.id()
    this.#audit = new Audit(options, options.clock)
    this.#owed = new OwedLeaves(options)
  }

  async start(): Promise<void> {
    const { clock } = this.#options
    this.#trust = clock.monotonic() + LEASE_TIME
    await lease(this.#options, this.#node, 'begin')
    this.#refreshing = clock.every(BETWEEN_LEASES, () => void this.#refresh())
  }

  async enter(room: string, { user, nick }: Member): Promise<Presence> {
    const held = this.#rooms.get(room) ?? this.#open(room)
    const known = held.users.get(user)
    const before = known?.nick
    if (known === undefined) held.users.set(user, { nick, connections: 1 })
    else {
      known.connections++
      known.nick = nick
    }
    const holds = known !== undefined || held.users.size > 1 ? '1' : '0'
    try {
      await held.listed
      const presence = await this.#run(ENTER, room, [user, nick, '0', holds])
      if (presence !== undefined) return presence
      await this.#regain()
      return (await this.#run(ENTER, room, [user, nick, '0', '0'])) ?? this.#lost()
    } catch (error) {
      this.#forget(room, held, user)
      if (known !== undefined && before !== undefined) known.nick = before
      throw error
    }
  }

  async leave(room: string, user: string): Promise<Presence> {
    const held = this.#rooms.get(room)
    const known = held?.users.get(user)
    if (held === undefined || known === undefined) {
      return { changed: false, count: await this.count(room) }
    }
    this.#forget(room, held, user)
    if (held.users.has(user)) return { changed: false, count: await this.count(room) }
    let presence: Presence
    try {
      await held.listed
      // Whoever came back meanwhile stays.
      if (held.users.has(user)) return { changed: false, count: await this.count(room) }
      presence = (await this.#run(LEAVE, room, [user, known.nick])) ?? this.#lost()
    } catch (error) {
      this.#owed.add({ room, user, nick: known.nick, node: this.#node })
      this.#doubt = true
      throw error
    }
    if (held.users.size === 0 && this.#rooms.get(room) !== held) this.#unlist(room)
    return presence
  }

  async members(room: string, { after = '', limit }: MembersQuery): Promise<MembersPage> {
    const { shards, keys } = this.#options
    const { slot, users, nicks } = keys.room(room)
    const args = [after, String(limit + 1)]
    const [found, count] = await shards.run<[string[], number]>(slot, MEMBERS, [users, nicks], args)
    const members: Member[] = []
    for (let i = 0; i < found.length; i += 2) {
      members.push({ user: found[i] as string, nick: found[i + 1] as string })
    }
    return { members: members.slice(0, limit), count, more: members.length > limit }
  }

  async count(room: string): Promise<number> {
    const { slot, users } = this.#options.keys.room(room)
    return this.#options.shards.send<number>(slot, ['ZCARD', users])
  }

  /** Rooms in which this node has members. */
  rooms(): Iterable<string> {
    return this.#rooms.keys()
  }

  /** To be called when a connection was made anew: what was in flight may be lost. */
  async reassert(): Promise<void> {
    if (this.#closed) return
    this.#doubt = true
    this.#trust = this.#options.clock.monotonic() + LEASE_TIME
    const fresh = this.#options.clock.id()
    await lease(this.#options, fresh, 'begin')
    this.#former.add(this.#node)
    this.#node = fresh
    for (const room of this.#rooms.keys()) this.#audit.watch(room)
    await Promise.all([...this.#rooms].flatMap(([room, held]) => this.#enterAll(room, held)))
    await this.#owed.sort(fresh)
    if (this.#node !== fresh) return
    this.#doubt = this.#owed.has(fresh)
    await this.#retireFormer()
  }

  /** Takes everybody of this node out. */
  async close(): Promise<void> {
    this.#closed = true
    this.#refreshing?.cancel()
    await retire(this.#options, this.#node, new Set(this.#rooms.keys()))
  }

  #open(room: string): Held {
    // Redis may have lost the lease since it was last renewed: then nobody knows of this node.
    const listed = lease(this.#options, this.#node, 'renew').then(({ kept }) =>
      kept ? this.#list(room) : this.#regain(),
    )
    listed.catch(ignore)
    const held: Held = { users: new Map(), listed }
    this.#rooms.set(room, held)
    this.#audit.watch(room)
    return held
  }

  /** Has Redis know of this node and everybody here again; all that find it lost wait for the same. */
  #regain(): Promise<void> {
    this.#regaining ??= this.reassert().finally(() => {
      this.#regaining = undefined
    })
    return this.#regaining
  }

  #lost(): never {
    throw new StoreUnavailable('Redis has lost who is here', { retryAfter: BETWEEN_LEASES })
  }

  #enterAll(room: string, held: Held): Promise<unknown>[] {
    held.listed = this.#list(room)
    return [...held.users].map(([user, { nick }]) =>
      held.listed.then(() => this.#run(ENTER, room, [user, nick, '1', '0'])),
    )
  }

  /** Counts a connection less here. */
  #forget(room: string, held: Held, user: string): void {
    const known = held.users.get(user)
    if (known === undefined || --known.connections > 0) return
    held.users.delete(user)
    if (held.users.size === 0 && this.#rooms.get(room) === held) this.#rooms.delete(room)
  }

  #list(room: string): Promise<unknown> {
    const { slot, name } = this.#options.keys.roomsOf(this.#node)
    const listed = this.#options.shards.send(slot, ['SADD', name, room])
    listed.catch(ignore)
    return listed
  }

  #unlist(room: string): void {
    if (this.#rooms.has(room)) return
    const { slot, name } = this.#options.keys.roomsOf(this.#node)
    this.#options.shards.send(slot, ['SREM', name, room]).catch(() => {
      // A room too many on the list does no harm.
    })
  }

  /** Undefined when Redis has lost what this node held. */
  async #run(script: Script, room: string, args: string[]): Promise<Presence | undefined> {
    const keys = this.#options.keys.room(room)
    const reply = await this.#options.shards.run<[number, number]>(
      keys.slot,
      script,
      presenceKeys(keys, this.#node),
      args,
    )
    return reply[0] < 0 ? undefined : { changed: reply[0] === 1, count: reply[1] }
  }

  async #refresh(): Promise<void> {
    try {
      const { kept, ended } = await lease(this.#options, this.#node, 'renew')
      this.#options.shards.accepted()
      if (!kept || this.#doubt) await this.reassert()
      else await this.#retireFormer()
      if (this.#options.clock.monotonic() < this.#trust || this.#evicting) return
      this.#evicting = true
      for (const node of ended) await retire(this.#options, node)
      await this.#owed.tell()
      await this.#audit.run(this.#node)
    } catch {
      // Redis is away, which is told elsewhere; the next turn tries again.
    } finally {
      this.#evicting = false
    }
  }

  async #retireFormer(): Promise<void> {
    for (const node of this.#former) {
      await retire(this.#options, node, new Set(this.#rooms.keys()))
      this.#former.delete(node)
    }
  }
}

/** Whoever waits for it is told; when nobody does, there is nothing to tell. */
function ignore(): void {}
