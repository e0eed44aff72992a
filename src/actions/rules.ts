import { mayJoin, maySend } from '../auth/grants.js'
import type { Connection, Membership } from '../connections/connection.js'
import { ParleyError } from '../errors.js'

/** @throws {ParleyError} `NOT_A_MEMBER` unless this connection is in the room. */
export function requireMembership(connection: Connection, room: string): Membership {
  const membership = connection.rooms.get(room)
  if (!membership) throw new ParleyError('NOT_A_MEMBER', 'join the room first')
  return membership
}

/** @throws {ParleyError} unless this connection is in the room and may send there. */
export function requireSender(connection: Connection, room: string): Membership {
  const membership = requireMembership(connection, room)
  if (!maySend(connection.identity, room)) {
    throw new ParleyError('FORBIDDEN', 'the token does not grant sending to this room')
  }
  return membership
}

/** @throws {ParleyError} `FORBIDDEN` unless this connection may read the room. */
export function requireReader(connection: Connection, room: string): void {
  if (!mayJoin(connection.identity, room)) {
    throw new ParleyError('FORBIDDEN', 'the token does not grant reading this room')
  }
}
