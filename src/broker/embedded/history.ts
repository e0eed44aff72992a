import { type LogMessage, type Page, type ReadQuery, StoreUnavailable } from '../broker.js'
import type { Head } from './heads.js'
import type { LogStore } from './store.js'

/** How much of a room's log readers see. */
export interface HistoryLimits {
  readonly historyMessages: number
  readonly historySeconds: number
}

/** Reads a page. Throws what the store throws, and `StoreUnavailable` when messages are missing. */
export function readPage(store: LogStore, head: Head, first: number, query: ReadQuery): Page {
  const { epoch, offset } = head
  const forward = query.after !== undefined
  const from = forward ? Math.max(query.after + 1, first) : first
  const to = Math.min(offset, (forward ? query.upTo : query.before && query.before - 1) ?? offset)
  const messages: LogMessage[] = []
  if (from > to || head.record === undefined) {
    return { epoch, offset, first, messages, more: false }
  }
  const key = head.record.key
  const wanted = Math.min(query.limit, to - from + 1)
  const start = forward ? from : to
  const end = forward ? from + wanted - 1 : to - wanted + 1
  let length = 0
  if (wanted > 0) {
    let expected = start
    for (const message of store.messages(key, start, end)) {
      if (message.offset !== expected) break
      length += message.json.length + 1
      if (length > query.maxLength && messages.length > 0) break
      messages.push(message)
      expected += forward ? 1 : -1
    }
    const complete = messages.length === wanted || length > query.maxLength
    if (!complete) throw new StoreUnavailable(`message ${expected} of the log is missing`)
  }
  if (!forward) messages.reverse()
  return { epoch, offset, first, messages, more: messages.length < to - from + 1 }
}

/**
 * The oldest offset that readers see: what is beyond the limits is hidden at once, though it is
 * removed only later.
 */
export function firstVisible(
  store: LogStore,
  head: Head,
  limits: HistoryLimits,
  now: number,
): number {
  if (head.record === undefined) return head.offset + 1
  head.first = Math.max(head.first, head.offset - limits.historyMessages + 1)
  const oldestTime = now - limits.historySeconds * 1000
  head.first = firstSince(store, head.record.key, head.first, head.offset, oldestTime)
  return head.first
}

/** The first offset from `first` on that is not older than `time`; `last + 1` when all are. */
function firstSince(store: LogStore, key: number, first: number, last: number, time: number) {
  const isOld = (offset: number) => (store.timeOf(key, offset) ?? 0) < time
  if (first > last || !isOld(first)) return first
  let low = first + 1
  let high = last + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isOld(middle)) low = middle + 1
    else high = middle
  }
  return low
}
