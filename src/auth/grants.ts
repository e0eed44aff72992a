import Type, { type Static } from 'typebox'
import { rule } from '../protocol/rule.js'

const RoomPattern = Type.String({ minLength: 1, maxLength: 129 })
const RoomPatterns = Type.Array(RoomPattern, { maxItems: 1000 })

/** The claim `rooms`: names or `prefix*`, for everything or for `join` and `send` apart. */
export const RoomsClaim = Type.Union(
  [
    RoomPatterns,
    Type.Object({ join: Type.Optional(RoomPatterns), send: Type.Optional(RoomPatterns) }),
  ],
  rule('a list of room names or {join: […], send: […]}'),
)

/** Which rooms a token opens. `undefined` means every room. */
export interface Grants {
  readonly join: RoomSet | undefined
  readonly send: RoomSet | undefined
}

/** Rooms by exact name and by prefix. */
export interface RoomSet {
  readonly names: ReadonlySet<string>
  readonly prefixes: readonly string[]
}

/** Shared: most tokens say nothing about rooms, and an identity lives as long as its connection. */
const EVERY_ROOM: Grants = { join: undefined, send: undefined }

/** The grants of a `rooms` claim; without the claim every room is open. */
export function toGrants(claim: Static<typeof RoomsClaim> | undefined): Grants {
  if (claim === undefined) return EVERY_ROOM
  if (Array.isArray(claim)) {
    const rooms = toRoomSet(claim)
    return { join: rooms, send: rooms }
  }
  return { join: toRoomSet(claim.join ?? []), send: toRoomSet(claim.send ?? []) }
}

/** Whether a room is in the set. */
export function covers(rooms: RoomSet | undefined, room: string): boolean {
  if (rooms === undefined) return true
  return rooms.names.has(room) || rooms.prefixes.some((prefix) => room.startsWith(prefix))
}

/** The claim that gives these grants; undefined when every room is open. */
export function fromGrants({ join, send }: Grants): Static<typeof RoomsClaim> | undefined {
  if (join === undefined || send === undefined) return undefined
  return { join: toPatterns(join), send: toPatterns(send) }
}

interface Bearer {
  readonly grants: Grants
  readonly scopes: ReadonlySet<string>
}

/** Whether this bearer may join a room and read its messages and members. */
export function mayJoin(bearer: Bearer, room: string): boolean {
  return bearer.scopes.has('admin') || covers(bearer.grants.join, room)
}

/** Whether this bearer may send to a room as one of its members. */
export function maySend(bearer: Bearer, room: string): boolean {
  return bearer.scopes.has('publish') || covers(bearer.grants.send, room)
}

function toPatterns({ names, prefixes }: RoomSet): string[] {
  return [...names, ...prefixes.map((prefix) => `${prefix}*`)]
}

function toRoomSet(patterns: readonly string[]): RoomSet {
  const names = new Set<string>()
  const prefixes: string[] = []
  for (const pattern of patterns) {
    if (pattern.endsWith('*')) prefixes.push(pattern.slice(0, -1))
    else names.add(pattern)
  }
  return { names, prefixes }
}
