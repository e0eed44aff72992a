import { encodeOkWithMessages } from '../protocol/encode.js'
import { DEFAULT_PAGE_MESSAGES } from '../protocol/limits.js'
import { pageLength } from '../rooms/page-length.js'
import type { Action } from './action.js'
import { requireReader } from './rules.js'

/** A page of stored messages. */
export const history: Action<'history'> = {
  exclusive: false,
  weight: 5,
  async run({ broker, config }, connection, { id, room, before, after, limit }) {
    requireReader(connection, room)
    const page = await broker.read(room, {
      ...(after !== undefined && { after }),
      ...(before !== undefined && { before }),
      limit: limit ?? DEFAULT_PAGE_MESSAGES,
      maxLength: pageLength(config),
    })
    const { epoch, offset, first, more, messages } = page
    return encodeOkWithMessages(id, { room, epoch, offset, first, more }, messages)
  },
}
