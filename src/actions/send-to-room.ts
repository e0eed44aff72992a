import { encodeOk } from '../protocol/encode.js'
import type { SendToRoomResult } from '../protocol/results.js'
import type { Action } from './action.js'
import { requireSender } from './rules.js'

/**
 * Appends a message to the room's log. The reply comes only after it is in the log; the members
 * get it from the log, the sender included.
 */
export const sendToRoom: Action<'send_to_room'> = {
  exclusive: false,
  weight: 1,
  async run({ broker, clock, stats }, connection, { id, room, msg }) {
    const { nick } = requireSender(connection, room)
    const message = { id, user: connection.user, nick, msg: JSON.stringify(msg) }
    const start = clock.monotonic()
    const { offset, epoch, time, duplicate } = await broker.append(room, message)
    stats.append.observe(clock.monotonic() - start)
    const result: SendToRoomResult = { room, offset, epoch, time }
    if (duplicate) result.duplicate = true
    return encodeOk(id, result)
  },
}
