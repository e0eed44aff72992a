import type { RoomInfo, RoomsPage, RoomsQuery } from '../broker.js'
import type { PresenceTable } from './presence.js'
import { compareCodePoints } from './sorted-names.js'
import type { LogStore } from './store.js'

/**
 * A page of rooms: those with a record merged with those with members, in order. `describe` says
 * what is in one, or undefined when it has neither messages nor members.
 */
export function listRooms(
  store: LogStore,
  presence: PresenceTable,
  describe: (room: string) => RoomInfo | undefined,
  { prefix = '', after, limit }: RoomsQuery,
): RoomsPage {
  const rooms: RoomInfo[] = []
  const from = after !== undefined && compareCodePoints(after, prefix) > 0 ? after : prefix
  for (const name of merged(recorded(store, prefix, after), presence.rooms(from))) {
    if (!name.startsWith(prefix)) break
    if (name === after) continue
    const info = describe(name)
    if (info === undefined) continue
    if (rooms.length >= limit) return { rooms, more: true }
    rooms.push(info)
  }
  return { rooms, more: false }
}

/** Names with a record, read from the store in slices. */
function* recorded(store: LogStore, prefix: string, after: string | undefined) {
  let last = after
  for (;;) {
    const names = store.roomNames({
      prefix,
      limit: SLICE,
      ...(last === undefined ? undefined : { after: last }),
    })
    yield* names
    if (names.length < SLICE) return
    last = names[SLICE - 1] as string
  }
}

const SLICE = 100

/** Two ascending lists as one, without repeats. */
function* merged(a: Iterable<string>, b: Iterable<string>): Generator<string, void> {
  const left = a[Symbol.iterator]()
  const right = b[Symbol.iterator]()
  let x = left.next()
  let y = right.next()
  while (x.done !== true || y.done !== true) {
    const order = x.done === true ? 1 : y.done === true ? -1 : compareCodePoints(x.value, y.value)
    yield order <= 0 ? (x.value as string) : (y.value as string)
    if (order <= 0) x = left.next()
    if (order >= 0) y = right.next()
  }
}
