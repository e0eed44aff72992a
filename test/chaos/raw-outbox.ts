import type { SendToRoomResult } from '../../src/protocol/results.js'
import type { Recorder } from './recorder.js'

interface Entry {
  readonly id: string
  readonly room: string
  readonly body: string
  sent: boolean
}

export interface RawOutboxOptions {
  readonly name: string
  readonly recorder: Recorder
  /** How many messages may wait for their answer at once. */
  readonly window: number
  readonly canSend: (room: string) => boolean
  readonly post: (action: object) => void
}

/** Errors after which the same message is to be sent again. */
const PASSING = new Set(['STORE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL', 'NOT_A_MEMBER'])

/** What a raw client has to send, kept until the server confirms it, always under the same id. */
export class RawOutbox {
  readonly #options: RawOutboxOptions
  readonly #entries = new Map<string, Entry>()
  #count = 0

  constructor(options: RawOutboxOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  add(room: string, body: string): void {
    const { name, recorder } = this.#options
    const id = `${name}-${this.#count++}`
    recorder.record({ type: 'send', client: name, room, id, body })
    this.#entries.set(id, { id, room, body, sent: false })
    this.pump()
  }

  /** Sends what may be sent, oldest first; in each room at most `window` without an answer. */
  pump(): void {
    const { window, canSend, post } = this.#options
    const open = new Map<string, number>()
    for (const entry of this.#entries.values()) {
      const waiting = open.get(entry.room) ?? 0
      if (waiting >= window || !canSend(entry.room)) continue
      open.set(entry.room, waiting + 1)
      if (entry.sent) continue
      entry.sent = true
      const { id, room, body } = entry
      post({ action: 'send_to_room', id, room, msg: JSON.parse(body) })
    }
  }

  acknowledged(id: string, { epoch, offset }: SendToRoomResult): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.delete(id)
    const { name, recorder } = this.#options
    recorder.record({ type: 'ok', client: name, room: entry.room, id, epoch, offset })
    this.pump()
  }

  refused(id: string, code: string, retryAfter: number): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    if (!PASSING.has(code)) {
      this.#forget(entry, code)
      return
    }
    this.#markAgain(entry)
    setTimeout(() => {
      entry.sent = false
      this.pump()
    }, retryAfter)
  }

  /** The connection is gone: everything that is not confirmed is to be sent again. */
  rewind(): void {
    for (const entry of this.#entries.values()) {
      if (entry.sent) this.#markAgain(entry)
      entry.sent = false
    }
  }

  giveUp(room: string, code: string): void {
    for (const entry of this.#entries.values()) if (entry.room === room) this.#forget(entry, code)
  }

  /** Of several on their way one may have been refused and the next stored. */
  #markAgain({ id, room }: Entry): void {
    const { name, recorder, window } = this.#options
    if (window > 1) recorder.record({ type: 'again', client: name, room, id })
  }

  #forget({ id, room }: Entry, code: string): void {
    this.#entries.delete(id)
    const { name, recorder } = this.#options
    recorder.record({ type: 'failed', client: name, room, id, code })
  }
}
