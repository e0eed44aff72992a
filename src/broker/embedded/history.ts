import type { Clock } from '../../clock.js'
import type { LogMessage, Page, ReadQuery } from '../broker.js'
import type { Head } from './heads.js'
import { type LogStore, LostMessage } from './store.js'

/** How much of a room's log readers see. */
export interface HistoryLimits {
  /** Messages kept per room. */
  readonly historyMessages: number
  /** How long messages are kept, seconds. */
  readonly historySeconds: number
}

export interface HistoryOptions extends HistoryLimits {
  readonly store: LogStore
  readonly clock: Clock
  readonly onError: (error: unknown, what: string) => void
}

/** What readers see of the rooms' logs. Calls throw what the store throws. */
export class History {
  readonly #options: HistoryOptions

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  page(head: Head, query: ReadQuery): Page {
    const { store } = this.#options
    return this.#passing(head, () => readPage(store, head, this.#firstVisible(head), query))
  }

  /** The oldest offset that is shown; `offset + 1` when none is. */
  first(head: Head): number {
    return this.#passing(head, () => this.#firstVisible(head))
  }

  /** What is beyond the limits is hidden at once, though it is removed only later. */
  #firstVisible(head: Head): number {
    const { store, clock, historyMessages, historySeconds } = this.#options
    if (head.record === undefined) return head.offset + 1
    head.first = Math.max(head.first, head.offset - historyMessages + 1)
    const oldestTime = clock.now() - historySeconds * 1000
    head.first = firstSince(store, head.record.key, head.first, head.offset, oldestTime)
    return head.first
  }

  /** A message that is lost ends the log towards the past: what is before it is not shown either. */
  #passing<T>(head: Head, read: () => T): T {
    for (;;) {
      try {
        return read()
      } catch (error) {
        if (!(error instanceof LostMessage)) throw error
        this.#options.onError(error, `the history of room "${head.room}" is cut short`)
        head.first = Math.max(head.first, error.offset + 1)
      }
    }
  }
}

/** Throws `LostMessage` where a message is not there, so that no page has a hole. */
function readPage(store: LogStore, head: Head, first: number, query: ReadQuery): Page {
  const { epoch, offset, record } = head
  const forward = query.after !== undefined
  const from = forward ? Math.max(query.after + 1, first) : first
  const end = forward ? query.upTo : query.before && query.before - 1
  const to = Math.min(offset, end ?? offset)
  const available = record === undefined ? 0 : Math.max(0, to - from + 1)
  const wanted = Math.min(query.limit, available)
  const messages: LogMessage[] = []
  if (record !== undefined && wanted > 0) {
    const [start, step] = forward ? [from, 1] : [to, -1]
    collect(store, record.key, { start, step, wanted, maxLength: query.maxLength }, messages)
    if (!forward) messages.reverse()
  }
  return { epoch, offset, first, messages, more: messages.length < available }
}

interface Run {
  readonly start: number
  readonly step: number
  readonly wanted: number
  readonly maxLength: number
}

/** Reads messages in a row until enough are there or the next would be too much. */
function collect(store: LogStore, key: number, run: Run, into: LogMessage[]): void {
  const { start, step, wanted, maxLength } = run
  let expected = start
  let length = 0
  for (const message of store.messages(key, start, start + step * (wanted - 1))) {
    if (message.offset !== expected) break
    length += message.json.length + 1
    if (length > maxLength && into.length > 0) return
    into.push(message)
    expected += step
  }
  if (into.length < wanted) throw new LostMessage(expected)
}

/** The first offset from `first` on that is not older than `time`; `last + 1` when all are. */
function firstSince(store: LogStore, key: number, first: number, last: number, time: number) {
  const isOld = (offset: number) => {
    const stored = store.timeOf(key, offset)
    if (stored === undefined) throw new LostMessage(offset)
    return stored < time
  }
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
