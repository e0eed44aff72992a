import type { NodeList } from '../model/nodes.js'
import { sibling } from '../shared/endpoints.js'
import { requestJson } from '../shared/http.js'

/** A room, as `GET /rooms` lists it. */
export interface Room {
  readonly name: string
  readonly members: number
  readonly offset: number
  readonly first: number
  readonly last_message: number | null
}

/** A connection, as `GET /connections` lists it. */
export interface Connection {
  readonly id: string
  /** Name of its node. */
  readonly node: string
  readonly user: string
  readonly nick: string
  readonly endpoint: string
  readonly address: string
  readonly since: number
  readonly rooms: readonly string[]
  readonly received: number
  readonly sent: number
  readonly buffered: number
}

/** One page of a list; `cursor` leads to the next. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | undefined
}

/** Entries of one page. */
const LIMIT = 50

/** The administrator's part of REST. Every call rejects with `HttpError` or `Unreachable`. */
export class AdminApi {
  readonly #token: string

  constructor(token: string) {
    this.#token = token
  }

  async nodes(): Promise<NodeList> {
    return (await this.#call('GET', 'nodes')) as NodeList
  }

  async rooms(prefix: string, cursor: string | undefined): Promise<Page<Room>> {
    const answer = await this.#call('GET', 'rooms', { prefix, cursor, limit: LIMIT })
    const { rooms, cursor: next } = answer as { rooms: Room[]; cursor?: string }
    return { items: rooms, cursor: next }
  }

  async connections(
    user: string,
    room: string,
    cursor: string | undefined,
  ): Promise<Page<Connection>> {
    const answer = await this.#call('GET', 'connections', { user, room, cursor, limit: LIMIT })
    const { connections, cursor: next } = answer as { connections: Connection[]; cursor?: string }
    return { items: connections, cursor: next }
  }

  async disconnect(id: string): Promise<void> {
    await this.#call('DELETE', `connections/${encodeURIComponent(id)}`)
  }

  /** @param node name of a node, or `all` */
  async drain(node: string): Promise<{ connections: number; seconds: number }> {
    return (await this.#call('POST', 'drain', { node })) as { connections: number; seconds: number }
  }

  #call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    query: Record<string, string | number | undefined> = {},
  ): Promise<unknown> {
    const url = sibling(path)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
    }
    return requestJson(url.href, { method, token: this.#token })
  }
}
