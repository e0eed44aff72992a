import type { Clock } from '../../clock.js'
import type { RoomInfo, RoomsPage, RoomsQuery } from '../broker.js'
import type { Keys } from './keys.js'
import { DESCRIBE } from './log-scripts.js'
import type { Shards } from './shards.js'

export interface RoomsListOptions {
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  readonly historyMessages: number
  readonly historySeconds: number
}

/** How long a name is taken to be on the list without looking, milliseconds. */
const LISTED_TIME = 60_000
const MAX_LISTED = 100_000
/** Names looked at in one step. */
const SLICE = 100

/**
 * The names of all rooms, in one sorted set. It is a hint: a room that it names may be empty, and
 * is taken off when somebody notices; a room in use is put on it again every minute.
 */
export class RoomsList {
  readonly #options: RoomsListOptions
  /** Monotonic milliseconds until which a name is known to be on the list. */
  readonly #listed = new Map<string, number>()

  constructor(options: RoomsListOptions) {
    this.#options = options
  }

  /** Puts a room on the list; undefined when it is known to be there. Never rejects. */
  add(room: string): Promise<void> | undefined {
    const { shards, keys, clock } = this.#options
    const now = clock.monotonic()
    if ((this.#listed.get(room) ?? 0) > now) return undefined
    if (this.#listed.size >= MAX_LISTED) this.#listed.clear()
    this.#listed.set(room, now + LISTED_TIME)
    return shards.send(keys.rooms.slot, ['ZADD', keys.rooms.name, '0', room]).then(
      () => {},
      () => void this.#listed.delete(room),
    )
  }

  async describe(room: string): Promise<RoomInfo | undefined> {
    const { shards, keys, historyMessages, historySeconds } = this.#options
    const { slot, meta, log, users } = keys.room(room)
    const args = [String(historyMessages), String(historySeconds * 1e6)]
    const [epoch, offset, first, stamp, members] = await shards.run<
      [string, number, number, string, number]
    >(slot, DESCRIBE, [meta, log, users], args)
    if (first > offset && members === 0) return undefined
    const lastMessage = first > offset ? undefined : Math.floor(Number(stamp) / 1000)
    return { room, members, epoch, offset, first, lastMessage }
  }

  async page({ prefix = '', after, limit }: RoomsQuery): Promise<RoomsPage> {
    const rooms: RoomInfo[] = []
    let last = after
    for (;;) {
      const names = await this.#names(prefix, last)
      const infos = await Promise.all(names.map((name) => this.describe(name)))
      for (const [i, info] of infos.entries()) {
        if (info === undefined) this.#remove(names[i] as string)
        else if (rooms.length >= limit) return { rooms, more: true }
        else rooms.push(info)
      }
      if (names.length < SLICE) return { rooms, more: false }
      last = names[SLICE - 1] as string
    }
  }

  /** Names with the prefix, by code point, which is the order of their bytes. */
  #names(prefix: string, after: string | undefined): Promise<string[]> {
    const { shards, keys } = this.#options
    const { slot, name } = keys.rooms
    const beyond =
      after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0
    const min = beyond ? `(${after}` : `[${prefix}`
    return shards
      .send<string[]>(slot, ['ZRANGEBYLEX', name, min, '+', 'LIMIT', '0', String(SLICE)])
      .then((names) => names.filter((found) => found.startsWith(prefix)))
  }

  #remove(room: string): void {
    const { shards, keys } = this.#options
    this.#listed.delete(room)
    shards.send(keys.rooms.slot, ['ZREM', keys.rooms.name, room]).catch(() => {
      // The next reader notices it again.
    })
  }
}
