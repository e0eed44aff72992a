import type { Deflate } from './deflate.js'
import { encodeEventStream } from './event-stream.js'
import { encodeTextFrames } from './frame.js'

/**
 * Events for many receivers, encoded once for all of them: each encoding is made when the first
 * transport asks for it and then shared. Receivers must not change the bytes.
 */
export class Batch {
  /** Complete events as JSON text, in order. */
  readonly events: readonly string[]
  /** Epoch of the messages among them, where they come from a room. */
  readonly epoch: string | undefined
  #frames: Buffer | undefined
  #deflated: Buffer | undefined
  #eventStream: Buffer | undefined

  constructor(events: readonly string[], epoch?: string) {
    this.events = events
    this.epoch = epoch
  }

  /** All events as WebSocket text frames in one buffer. */
  frames(): Buffer {
    this.#frames ??= encodeTextFrames(this.events)
    return this.#frames
  }

  /** As `frames`, compressed. One process has one way to compress. */
  deflatedFrames(deflate: Deflate): Buffer {
    this.#deflated ??= deflate.encodeTextFrames(this.events)
    return this.#deflated
  }

  /** All events as Server-Sent Events in one buffer. */
  eventStream(): Buffer {
    this.#eventStream ??= encodeEventStream(this.events, this.epoch)
    return this.#eventStream
  }
}
