import { encodeSent } from '../protocol/encode.js'
import type { Action } from './action.js'
import { requireSender } from './rules.js'

/**
 * Appends a message to the room's log. The reply comes only after it is in the log; the members
 * get it from the log, the sender included.
 */
export const sendToRoom: Action<'send_to_room'> = {
  exclusive: false,
  weight: 1,
  run({ rooms, clock, stats }, connection, { id, room, msg }) {
    const { nick } = requireSender(connection, room)
    const start = clock.monotonic()
    return rooms.append(room, { id, user: connection.user, nick, msg }, (place) => {
      stats.append.observe(clock.monotonic() - start)
      connection.sendAlong(encodeSent(id, room, place), rooms.get(room))
      return undefined
    })
  },
}
