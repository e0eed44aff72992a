import type { Connection } from '../connections/connection.js'
import type { ConnectionRegistry } from '../connections/registry.js'

/** A connection as administrators see it. Plain data: it travels as JSON. */
export interface ConnectionInfo {
  readonly id: string
  /** Name of the node that has it. */
  readonly node: string
  readonly user: string
  readonly nick: string
  readonly endpoint: 'echo' | 'chat'
  readonly transport: string
  readonly address: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly rooms: string[]
  readonly received: number
  readonly sent: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly buffered: number
}

/** A place in the list of a node: the connection that was the last one of a page. */
export type After = Pick<ConnectionInfo, 'id' | 'since'>

export interface ConnectionsQuery {
  readonly user?: string
  readonly room?: string
  readonly after?: After
  readonly limit: number
}

export function describeConnection(node: string, connection: Connection): ConnectionInfo {
  const { id, user, identity, endpoint, transport, address, since, received, sent } = connection
  return {
    id,
    node,
    user,
    nick: identity.nick,
    endpoint,
    transport: transport.name,
    address,
    since,
    rooms: [...connection.rooms.keys()],
    received,
    sent,
    bytes_in: transport.bytesRead,
    bytes_out: transport.bytesWritten,
    buffered: transport.buffered,
  }
}

/** Connections of this node that fit, oldest first; those of one millisecond by id. */
export function listConnections(
  registry: ConnectionRegistry,
  node: string,
  { user, room, after, limit }: ConnectionsQuery,
): ConnectionInfo[] {
  // A room has its members in the order of joining, the others are in the order of opening.
  const byRoom = room !== undefined && user === undefined
  const byOpening = user === undefined ? registry : registry.ofUser(user)
  const found: Connection[] = []
  for (const connection of byRoom ? registry.inRoom(room) : byOpening) {
    if (room !== undefined && !connection.rooms.has(room)) continue
    if (after !== undefined && byAge(connection, after) <= 0) continue
    const enough = !byRoom && found.length >= limit
    if (enough && connection.since > (found.at(-1) as Connection).since) break
    found.push(connection)
  }
  return found
    .sort(byAge)
    .slice(0, limit)
    .map((connection) => describeConnection(node, connection))
}

function byAge(a: After, b: After): number {
  return a.since - b.since || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
