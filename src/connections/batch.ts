import { encodeTextFrames } from './frame.js'

/**
 * Events for many receivers, encoded once for all of them: each encoding is made when the first
 * transport asks for it and then shared. Receivers must not change the bytes.
 */
export class Batch {
  /** Complete events as JSON text, in order. */
  readonly events: readonly string[]
  #frames: Buffer | undefined

  constructor(events: readonly string[]) {
    this.events = events
  }

  /** All events as WebSocket text frames in one buffer. */
  frames(): Buffer {
    this.#frames ??= encodeTextFrames(this.events)
    return this.#frames
  }
}
