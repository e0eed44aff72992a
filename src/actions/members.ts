import { encodeOk } from '../protocol/encode.js'
import { MAX_PAGE_MEMBERS } from '../protocol/limits.js'
import type { Action } from './action.js'
import { requireReader } from './rules.js'

/** Who is in a room, across all nodes. */
export const members: Action<'members'> = {
  exclusive: false,
  weight: 2,
  async run({ broker }, connection, { id, room, after, limit = MAX_PAGE_MEMBERS }) {
    requireReader(connection, room)
    const page = await broker.members(room, { ...(after !== undefined && { after }), limit })
    return encodeOk(id, { room, ...page })
  },
}
