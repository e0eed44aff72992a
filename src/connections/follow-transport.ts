import type { Writable } from 'node:stream'
import type { Batch } from './batch.js'
import { encodeStreamEvent } from './event-stream.js'
import { type SseOptions, SseTransport } from './sse-transport.js'

/** Id of the `join` that is made for a follower. */
export const FOLLOW_ID = 'follow'

const OK = `{"event":"ok","id":"${FOLLOW_ID}",`
const ERROR = '{"event":"error",'
const RESET = '{"event":"reset",'

export interface FollowOptions extends SseOptions {
  /** The room cannot be followed now; called once the `error` event that says so was written. */
  readonly refused: () => void
}

/**
 * A client that follows one room and sends nothing: a plain `EventSource`, `curl -N`. Every
 * message, also of the reply to the join, comes as an event of its own with its position as
 * `id`, so that the client goes on from there by `Last-Event-ID` without knowing the protocol.
 */
export class FollowTransport extends SseTransport {
  override readonly answersPings = false
  override readonly takesPosts = false
  readonly #refused: () => void
  /** Of the room, as far as this client was told; undefined before the reply to the join. */
  #epoch: string | undefined

  constructor(out: Writable, { refused, ...options }: FollowOptions) {
    super(out, options)
    this.#refused = refused
  }

  override write(batch: Batch): boolean {
    if (batch.epoch !== undefined) {
      this.#epoch = batch.epoch
      return super.write(batch)
    }
    let text = ''
    let refused = false
    for (const event of batch.events) {
      if (this.#epoch === undefined && event.startsWith(OK)) text += this.#start(event)
      else text += this.#encode(event)
      refused ||= this.#epoch === undefined && event.startsWith(ERROR)
    }
    const taken = this.writeBytes(Buffer.from(text))
    if (refused) this.#refused()
    return taken
  }

  #encode(event: string): string {
    if (event.startsWith(RESET)) this.#epoch = JSON.parse(event).epoch
    return encodeStreamEvent(event, this.#epoch)
  }

  /** The reply to the join, and then its messages. Its `id` is the position before them. */
  #start(reply: string): string {
    const { messages, ...joined } = JSON.parse(reply)
    const { epoch, offset } = joined
    this.#epoch = epoch
    const before = messages.length > 0 ? messages[0].offset - 1 : offset
    const texts = messages.map((message: object) =>
      encodeStreamEvent(JSON.stringify(message), epoch),
    )
    return `id: ${epoch}/${before}\ndata: ${JSON.stringify(joined)}\n\n${texts.join('')}`
  }
}
