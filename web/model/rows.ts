import type { RoomMessage } from './message-window.js'
import type { Notice } from './notices.js'

/** Messages of one author that are closer than this stand under one name, in milliseconds. */
const GROUP_WITHIN = 5 * 60_000

/** A line of the transcript. */
export type Row =
  | { readonly kind: 'day'; readonly key: string; readonly time: number }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'notice'; readonly key: string; readonly notice: Notice }
  | {
      readonly kind: 'message'
      readonly key: string
      readonly message: RoomMessage
      /** The first of its group: it carries the author's name. */
      readonly opens: boolean
    }

interface Input {
  readonly messages: readonly RoomMessage[]
  readonly notices: readonly Notice[]
  /** Offset of the first message that the reader has not seen. */
  readonly unreadFrom: number | undefined
  /** The day that a time falls on; a number that differs between days. */
  readonly dayOf: (time: number) => number
}

/** The lines of a transcript: messages in groups, with a divider for each day and before the unread. */
export function rowsOf({ messages, notices, unreadFrom, dayOf }: Input): Row[] {
  const rows: Row[] = []
  let previous: RoomMessage | undefined
  let shown = 0
  const addNotices = (before: number): boolean => {
    const first = shown
    for (let next = notices[shown]; next && next.after < before; next = notices[++shown]) {
      rows.push({ kind: 'notice', key: `notice-${next.id}`, notice: next })
    }
    return shown > first
  }
  for (const message of messages) {
    const interrupted = addNotices(message.offset)
    const newDay = previous === undefined || dayOf(previous.time) !== dayOf(message.time)
    const unread = message.offset === unreadFrom
    const key = `${message.epoch}-${message.offset}`
    if (newDay) rows.push({ kind: 'day', key: `day-${key}`, time: message.time })
    if (unread) rows.push({ kind: 'unread', key: 'unread' })
    const opens = interrupted || newDay || unread || !continues(previous, message)
    rows.push({ kind: 'message', key, message, opens })
    previous = message
  }
  addNotices(Number.POSITIVE_INFINITY)
  return rows
}

/** Whether a message stands under the same name as the one before it. */
export function continues(before: RoomMessage | undefined, message: Authored): boolean {
  return (
    before !== undefined &&
    before.user === message.user &&
    before.nick === message.nick &&
    message.time - before.time < GROUP_WITHIN
  )
}

type Authored = Pick<RoomMessage, 'user' | 'nick' | 'time'>
