import { encodeOk } from '../protocol/encode.js'
import type { LeaveResult } from '../protocol/results.js'
import type { Action } from './action.js'
import { requireMembership } from './rules.js'

/** Leaves a room: nothing of it comes after the reply. */
export const leave: Action<'leave'> = {
  exclusive: true,
  weight: 1,
  async run({ memberships }, connection, { id, room }) {
    requireMembership(connection, room)
    await memberships.leave(connection, room)
    return encodeOk(id, { room } satisfies LeaveResult)
  },
}
