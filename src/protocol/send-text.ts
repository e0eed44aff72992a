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

/**
 * Whether there may be more in the payload's text than in its value: of members of an object with
 * the same name only the last one is in the value, and nobody would have judged the others.
 * @param payload nested no deeper than `MAX_MSG_DEPTH`
 */
export function mayHideMembers({ msg, value }: SendText): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (msg.includes(' :')) return true
  let colons = 0
  for (let at = msg.indexOf(COLON); at >= 0; at = msg.indexOf(COLON, at + 1)) colons++
  return colons > countMembers(value)
}

/** Behind a name, where there is no white space. A string may hold it too. */
const COLON = '":'

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = Array.isArray(value) ? 0 : Object.keys(value).length
  for (const member of Object.values(value)) count += countMembers(member)
  return count
}
