import { encodeOk } from '../protocol/encode.js'
import type { SendToUserResult } from '../protocol/results.js'
import type { Action } from './action.js'

/** Sends to every live connection of a user, on every node. Not stored. */
export const sendToUser: Action<'send_to_user'> = {
  exclusive: false,
  weight: 1,
  async run({ broker, clock }, connection, { id, user, msg }) {
    const connections = await broker.sendToUser(user, {
      user: connection.user,
      nick: connection.identity.nick,
      msg,
      time: clock.now(),
    })
    return encodeOk(id, { connections } satisfies SendToUserResult)
  },
}
