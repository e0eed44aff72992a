/**
 * Events as `text/event-stream` (WHATWG HTML, section 9.2). An event is one `data` line, because
 * JSON text holds no line break. A `message` has its position as `id`, which comes back as
 * `Last-Event-ID`.
 */

/** Content type of a stream; it is always UTF-8. */
export const EVENT_STREAM = 'text/event-stream'

/** What a stream begins with: how long an `EventSource` waits before it comes back, milliseconds. */
export const STREAM_HEAD = Buffer.from('retry: 1000\n\n')

/** A comment, which no event comes of: a sign of life. */
export const STREAM_PING = Buffer.from(': ping\n\n')

const MESSAGE = '{"event":"message",'
const CLOSING = '{"event":"closing",'
const OFFSET = '"offset":'

/**
 * Events one after the other.
 * @param events complete events as JSON text
 * @param epoch epoch of the messages among them; without it they have no `id`
 */
export function encodeEventStream(events: readonly string[], epoch?: string): Buffer {
  let text = ''
  for (const event of events) text += encodeStreamEvent(event, epoch)
  return Buffer.from(text)
}

/** One event. */
export function encodeStreamEvent(event: string, epoch?: string): string {
  const data = `data: ${event}\n\n`
  if (epoch !== undefined && event.startsWith(MESSAGE)) {
    return `id: ${epoch}/${offsetOf(event)}\n${data}`
  }
  return event.startsWith(CLOSING) ? `retry: ${JSON.parse(event).reconnect_after}\n${data}` : data
}

/** What a stream ends with: the close code, which a WebSocket would carry in its close frame. */
export function encodeStreamEnd(code: number, reason: string): string {
  return `event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`
}

/** No text before the offset can hold this: within a string its quotes would be escaped. */
function offsetOf(message: string): string {
  const start = message.indexOf(OFFSET) + OFFSET.length
  return message.slice(start, message.indexOf(',', start))
}
