/**
 * The one form in which nearly every message comes: `JSON.stringify` of `{action, id, room, msg}`
 * with names of visible ASCII, which need no unescaping and satisfy every rule for names.
 */
const SEND =
  /^\{"action":"send_to_room","id":"([!#-[\]-~]{1,64})","room":"([!#-[\]-~]{1,128})","msg":/

/** A `send_to_room` as its text says it; `msg` is JSON text, `value` the same parsed. */
export interface SendText {
  readonly id: string
  readonly room: string
  readonly msg: string
  readonly value: unknown
}

/**
 * Takes a `send_to_room` apart without parsing more than its payload, whose text is kept as it
 * came. Returns undefined for everything else, which may be right all the same.
 */
export function splitSendText(text: string): SendText | undefined {
  const match = SEND.exec(text)
  if (match === null || !text.endsWith('}')) return undefined
  const msg = text.slice(match[0].length, -1)
  // White space between tokens would travel to every member, and a line break means something in
  // a stream of Server-Sent Events.
  if (SPACE.test(msg)) return undefined
  try {
    return { id: match[1] as string, room: match[2] as string, msg, value: JSON.parse(msg) }
  } catch {
    return undefined
  }
}

const SPACE = /[\n\r\t]/
