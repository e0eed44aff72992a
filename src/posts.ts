import type { Broker } from './broker/broker.js'
import type { Clock } from './clock.js'
import type { Connection } from './connections/connection.js'
import type { ConnectionRegistry } from './connections/registry.js'
import { SseTransport } from './connections/sse-transport.js'
import { CloseCode } from './protocol/close-codes.js'

/** What a client of a stream sends: actions, as they are text messages on a WebSocket. */
export interface Post {
  readonly connection: string
  readonly user: string
  /** Number of the first action, counted from 1 over the connection; without one it is not checked. */
  readonly sequence?: number | undefined
  readonly actions: readonly string[]
}

/** `received`: number of the last action taken. */
export type PostResult =
  /** All of it is taken, now or before. What comes of it is told in the stream. */
  | { readonly result: 'taken'; readonly received: number }
  /** Something before it is missing; nothing of it is taken. */
  | { readonly result: 'gap'; readonly received: number }
  /** Too many posts of this connection are waiting; nothing of it is taken. */
  | { readonly result: 'busy' }
  /** There is no such stream, not of this user, or it takes nothing. */
  | { readonly result: 'gone' }

export interface PostsOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly connections: ConnectionRegistry
  readonly receive: (connection: Connection, action: string) => void
}

/** Posts of one connection that may wait behind a join. A client with numbers has one. */
const MAX_WAITING = 4

/**
 * Brings what clients of event streams post to the node that holds their stream, whichever node
 * got it: a stream's id names its node. What is numbered is taken once and in order.
 */
export class Posts {
  readonly #options: PostsOptions

  constructor(options: PostsOptions) {
    this.#options = options
  }

  /** An id for a stream of this node, which cannot be guessed. */
  id(): string {
    const { broker, clock } = this.#options
    return `${broker.node}.${clock.id()}`
  }

  /** @throws {StoreUnavailable} when it is not known whether it was taken. */
  async send(post: Post): Promise<PostResult> {
    const { broker } = this.#options
    const [node = ''] = post.connection.split('.', 1)
    if (node === broker.node) return this.#take(post)
    const answer = await broker.ask(node, JSON.stringify({ kind: 'post', post }))
    return answer === undefined ? { result: 'gone' } : JSON.parse(answer)
  }

  /** Answers another node's `send`. */
  answer(post: Post): Promise<PostResult> {
    return this.#take(post)
  }

  async #take({ connection: id, user, sequence, actions }: Post): Promise<PostResult> {
    const { connections, receive } = this.#options
    const connection = connections.get(id)
    const stream = connection?.transport
    if (!(stream instanceof SseTransport) || !stream.takesPosts) return { result: 'gone' }
    if (!connection || connection.user !== user) return { result: 'gone' }
    while (stream.paused && connection.open) {
      if (stream.waiting >= MAX_WAITING) return { result: 'busy' }
      await stream.resumed()
    }
    if (!connection.open) return { result: 'gone' }
    const taken = sequence === undefined ? 0 : stream.received + 1 - sequence
    if (taken < 0) return { result: 'gap', received: stream.received }
    const fresh = actions.slice(taken)
    if (fresh.length === 0) this.#countRepeat(connection)
    if (sequence !== undefined) stream.received += fresh.length
    for (const action of fresh) {
      stream.bytesRead += Buffer.byteLength(action)
      receive(connection, action)
    }
    return { result: 'taken', received: stream.received }
  }

  /** A post that brings nothing new costs as much as an action. */
  #countRepeat(connection: Connection): void {
    connection.rateLimit.take(this.#options.clock.monotonic())
    if (connection.rateLimit.flooded) {
      connection.close(CloseCode.rateLimited, 'Rate limit exceeded')
    }
  }
}
