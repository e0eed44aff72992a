import type { ChaosClient, ClientOptions, ClientState } from './chaos-client.js'
import { signToken } from './token.js'

/** It waits for its answers; what it would send meanwhile beyond this it does not send at all. */
const MAX_QUEUED = 5

interface Message {
  readonly id: string
  readonly room: string
  readonly body: string
}

/**
 * A backend that sends by `POST /rooms/:room/messages`, one message at a time. Where it got no
 * answer it is not sure of the message before either and sends that once more, too.
 */
export class RestClient implements ChaosClient {
  readonly name: string
  /** It sees nothing; it only sends. */
  readonly rooms = new Set<string>()
  readonly #options: ClientOptions
  readonly #queue: Message[] = []
  /** The one that was stored last, and in which log. */
  #stored: { readonly message: Message; readonly epoch: string } | undefined
  #count = 0
  #busy = false
  #closed = false

  constructor(options: ClientOptions) {
    const { name, user, recorder } = options
    this.name = name
    this.#options = options
    recorder.record({ type: 'client', client: name, user, ordered: true, presence: false })
  }

  join(room: string): void {
    this.rooms.add(room)
  }

  leave(room: string): void {
    this.rooms.delete(room)
  }

  send(room: string, body: string): void {
    if (this.#queue.length >= MAX_QUEUED) return
    const id = `${this.name}-${this.#count++}`
    this.#options.recorder.record({ type: 'send', client: this.name, room, id, body })
    this.#queue.push({ id, room, body })
    if (!this.#busy) void this.#work()
  }

  misbehave(): void {}

  state(): ClientState {
    return { name: this.name, user: this.#options.user, pending: this.#queue.length, rooms: {} }
  }

  watchPresence(): void {}

  close(): void {
    this.#closed = true
    this.#options.recorder.record({ type: 'stop', client: this.name })
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let next = this.#queue[0]; next && !this.#closed; next = this.#queue[0]) {
      if (await this.#post(next)) this.#queue.shift()
      else {
        await new Promise((resolve) => setTimeout(resolve, this.#options.random.between(50, 300)))
        await this.#repeat()
      }
    }
    this.#busy = false
  }

  async #repeat(): Promise<void> {
    const stored = this.#stored
    if (stored === undefined || this.#closed) return
    const answered = await this.#post(stored.message)
    // In another log than before it may stand behind a later one; in the same it is where it was.
    if (answered && this.#stored?.epoch === stored.epoch) return
    const { id, room } = stored.message
    this.#options.recorder.record({ type: 'again', client: this.name, room, id })
  }

  /** Whether the message is done with: stored, or refused for good. */
  async #post(message: Message): Promise<boolean> {
    const { id, room, body } = message
    const { url, user, tokenSeconds, recorder } = this.#options
    const headers = {
      authorization: `Bearer ${signToken(user, tokenSeconds)}`,
      'content-type': 'application/json',
      'idempotency-key': id,
      connection: 'close',
    }
    try {
      const response = await fetch(`${url}/rooms/${room}/messages`, {
        method: 'POST',
        headers,
        body: `{"msg":${body}}`,
        signal: AbortSignal.timeout(3000),
      })
      const result = (await response.json()) as { epoch: string; offset: number; code: string }
      const what = { client: this.name, room, id }
      if (response.ok) {
        const { epoch, offset } = result
        recorder.record({ type: 'ok', ...what, epoch, offset })
        this.#stored = { message, epoch }
        return true
      }
      if (response.status >= 500 || response.status === 429) return false
      // What was acknowledged stays promised, whatever a repeat is told.
      if (message !== this.#stored?.message)
        recorder.record({ type: 'failed', ...what, code: result.code })
      return true
    } catch {
      return false
    }
  }
}
