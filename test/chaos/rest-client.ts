import type { ChaosClient, ClientOptions, ClientState } from './chaos-client.js'
import { signToken } from './token.js'

/** It waits for its answers; what it would send meanwhile beyond this it does not send at all. */
const MAX_QUEUED = 5

/** A backend that sends by `POST /rooms/:room/messages`, one message at a time. */
export class RestClient implements ChaosClient {
  readonly name: string
  /** It sees nothing; it only sends. */
  readonly rooms = new Set<string>()
  readonly #options: ClientOptions
  readonly #queue: { id: string; room: string; body: string }[] = []
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
      else
        await new Promise((resolve) => setTimeout(resolve, this.#options.random.between(50, 300)))
    }
    this.#busy = false
  }

  /** Whether the message is done with: stored, or refused for good. */
  async #post({ id, room, body }: { id: string; room: string; body: string }): Promise<boolean> {
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
        return true
      }
      if (response.status >= 500 || response.status === 429) return false
      recorder.record({ type: 'failed', ...what, code: result.code })
      return true
    } catch {
      return false
    }
  }
}
