/** A message with its place in the history of its log. */
export interface LiveMessage {
  readonly epoch: string
  readonly offset: number
  /** When it was stored, microseconds since 1970; grows from message to message. */
  readonly stamp: number
  /** Stamp of the message before it. */
  readonly previous: number
  readonly json: string
}

/** Reads `<offset>-<stamp>`. */
export function parseEntryId(id: string): { offset: number; stamp: number } {
  const dash = id.indexOf('-')
  return { offset: Number(id.slice(0, dash)), stamp: Number(id.slice(dash + 1)) }
}

/** Reads `<epoch> <offset>-<stamp> <previous>\n<json>`, as the append script publishes it. */
export function parseLive(text: string): LiveMessage {
  const end = text.indexOf('\n')
  const [epoch = '', id = '', previous] = text.slice(0, end).split(' ')
  return { epoch, ...parseEntryId(id), previous: Number(previous), json: text.slice(end + 1) }
}
