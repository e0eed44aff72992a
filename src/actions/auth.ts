import { mayJoin } from '../auth/grants.js'
import { ParleyError } from '../errors.js'
import { encodeOk } from '../protocol/encode.js'
import type { AuthResult } from '../protocol/results.js'
import type { Action } from './action.js'

/** Replaces the connection's token in place, before it expires. Rooms it does not grant are left. */
export const auth: Action<'auth'> = {
  exclusive: true,
  weight: 5,
  async run({ verifyToken, memberships }, connection, { id, token }) {
    const identity = await verifyToken(token)
    if (identity.user !== connection.user) {
      throw new ParleyError('UNAUTHORIZED', 'the token belongs to another user')
    }
    connection.identity = identity
    for (const room of [...connection.rooms.keys()]) {
      if (!mayJoin(identity, room)) await memberships.expel(connection, room)
    }
    return encodeOk(id, { expires: identity.expires } satisfies AuthResult)
  },
}
