import { encodeOk } from '../protocol/encode.js'
import type { SignalResult } from '../protocol/results.js'
import type { Action } from './action.js'
import { requireSender } from './rules.js'

/** Sends to the members that are online now: typing indicators, cursors. Never stored. */
export const signal: Action<'signal'> = {
  exclusive: false,
  weight: 1,
  async run({ broker }, connection, { id, room, msg }) {
    const { nick } = requireSender(connection, room)
    await broker.signal(room, { user: connection.user, nick, msg })
    return id === undefined ? undefined : encodeOk(id, { room } satisfies SignalResult)
  },
}
