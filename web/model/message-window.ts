/** A message of a room, as the client library hands it over. */
export interface RoomMessage {
  readonly offset: number
  readonly epoch: string
  readonly id: string
  readonly user: string
  readonly nick: string
  readonly msg: unknown
  /** Milliseconds since 1970, server clock. */
  readonly time: number
}

/** A page of history, oldest first. */
export interface HistoryPage {
  readonly epoch: string
  readonly messages: readonly RoomMessage[]
  /** The log goes on beyond the page, in the direction that was asked for. */
  readonly more: boolean
}

/**
 * The part of a room's log that the page holds: a run of messages without a hole. It is cut at the
 * far end when it grows too long, so that neither memory nor the document grows without bound.
 */
export interface MessageWindow {
  readonly messages: readonly RoomMessage[]
  /** The log has, or may have, older messages than the first one here. */
  readonly older: boolean
  /** The log has newer messages than the last one here; live ones are not added until it is reached again. */
  readonly newer: boolean
}

/** Most messages that a window holds. */
export const WINDOW_LIMIT = 600

/** What is left of a window that is cut. No page of history is longer. */
export const WINDOW_CUT = 400

export const EMPTY_WINDOW: MessageWindow = { messages: [], older: false, newer: false }

/**
 * Adds a live message. A reader at the end loses the oldest messages where there are too many; for
 * one who reads further up, the window stops growing instead, and `newer` says so.
 */
export function addLive(
  window: MessageWindow,
  message: RoomMessage,
  readerAtEnd: boolean,
): MessageWindow {
  const { messages } = window
  const last = messages.at(-1)
  if (window.newer) return window
  if (last === undefined) return { ...window, messages: [message], older: message.offset > 1 }
  if (message.epoch === last.epoch && message.offset <= last.offset) return window
  if (message.epoch !== last.epoch || message.offset !== last.offset + 1) {
    return { messages: [message], older: message.offset > 1, newer: false }
  }
  if (messages.length < WINDOW_LIMIT) return { ...window, messages: [...messages, message] }
  if (!readerAtEnd) return { ...window, newer: true }
  return { messages: [...messages.slice(1 - WINDOW_CUT), message], older: true, newer: false }
}

/** Puts a page of older messages in front. A page of another epoch changes nothing. */
export function addOlder(window: MessageWindow, page: HistoryPage): MessageWindow {
  const first = window.messages[0]
  if (first !== undefined && first.epoch !== page.epoch) return window
  const fresh =
    first === undefined ? page.messages : page.messages.filter((m) => m.offset < first.offset)
  const messages = [...fresh, ...window.messages]
  const cut = messages.length > WINDOW_LIMIT
  return {
    messages: cut ? messages.slice(0, WINDOW_CUT) : messages,
    older: page.more,
    newer: window.newer || cut,
  }
}

/** Puts a page of newer messages behind. A page of another epoch changes nothing. */
export function addNewer(window: MessageWindow, page: HistoryPage): MessageWindow {
  const last = window.messages.at(-1)
  if (last !== undefined && last.epoch !== page.epoch) return window
  const fresh =
    last === undefined ? page.messages : page.messages.filter((m) => m.offset > last.offset)
  const messages = [...window.messages, ...fresh]
  const cut = messages.length > WINDOW_LIMIT
  return {
    messages: cut ? messages.slice(-WINDOW_CUT) : messages,
    older: window.older || cut,
    newer: page.more,
  }
}

/**
 * The newest page of the log, in the place of whatever was there.
 * @param end offset of the last message that is known of, should that be newer than the page
 */
export function newest(page: HistoryPage, end = 0): MessageWindow {
  const last = page.messages.at(-1)?.offset ?? 0
  return { messages: page.messages, older: page.more, newer: last < end }
}
