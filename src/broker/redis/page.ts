import { type LogMessage, type Page, type ReadQuery, StoreUnavailable } from '../broker.js'
import type { RoomKeys } from './keys.js'
import { parseEntryId } from './live.js'
import { READ } from './log-scripts.js'
import type { Shards } from './shards.js'

export interface PageLimits {
  readonly historyMessages: number
  readonly historySeconds: number
}

/** Reply of the read script: the range `from`–`to` is what the query asks for without its limits. */
type Reply = [
  epoch: string,
  offset: number,
  first: number,
  from: number,
  to: number,
  messages: string[],
]

/** Reads a page of a room's log. @throws {StoreUnavailable} also when messages are missing. */
export async function readPage(
  shards: Shards,
  { slot, meta, log }: RoomKeys,
  freshEpoch: string,
  { historyMessages, historySeconds }: PageLimits,
  { after, before, upTo, limit, maxLength }: ReadQuery,
): Promise<Page> {
  const forward = after !== undefined
  const bound = after ?? before ?? ''
  // A UTF-16 unit is at most three bytes, so that Redis never sends too little.
  const range = [forward ? 'after' : 'before', bound, upTo ?? '', limit, maxLength * 3]
  const args = [freshEpoch, historyMessages, historySeconds * 1e6, ...range].map(String)
  const reply = await shards.run<Reply>(slot, READ, [meta, log], args)
  const [epoch, offset, first, from, to, entries] = reply
  const messages: LogMessage[] = []
  let length = 0
  for (let i = 0; i < entries.length; i += 2) {
    const { offset: at, stamp } = parseEntryId(entries[i] as string)
    const json = entries[i + 1] as string
    const expected = forward ? from + messages.length : to - messages.length
    if (at !== expected) throw new StoreUnavailable(`message ${expected} of the log is missing`)
    length += json.length + 1
    if (length > maxLength && messages.length > 0) break
    messages.push({ offset: at, time: Math.floor(stamp / 1000), json })
  }
  const wanted = Math.max(0, to - from + 1)
  if (messages.length === 0 && Math.min(limit, wanted) > 0) {
    throw new StoreUnavailable('the messages of the log are missing')
  }
  if (!forward) messages.reverse()
  return { epoch, offset, first, messages, more: messages.length < wanted }
}
