import { mayJoin } from '../auth/grants.js'
import { ParleyError } from '../errors.js'
import type { Action } from './action.js'

/** Joins a room, or joins it again: with a new nick, or from the position where a hole began. */
export const join: Action<'join'> = {
  exclusive: true,
  weight: 1,
  async run({ config, memberships }, connection, action) {
    const { identity, rooms } = connection
    if (!mayJoin(identity, action.room)) {
      throw new ParleyError('FORBIDDEN', 'the token does not grant joining this room')
    }
    if (rooms.size >= config.maxRoomsPerConnection && !rooms.has(action.room)) {
      throw new ParleyError(
        'ROOM_LIMIT',
        `a connection may be in ${config.maxRoomsPerConnection} rooms (MAX_ROOMS_PER_CONNECTION)`,
      )
    }
    await memberships.join(connection, action)
    return undefined
  },
}
