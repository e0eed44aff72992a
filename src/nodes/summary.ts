import type { Broker } from '../broker/broker.js'
import type { ConnectionRegistry } from '../connections/registry.js'
import type { Rooms } from '../rooms/rooms.js'
import type { Stats } from '../stats/stats.js'

/** How a node is, and what it has counted since its start. Plain data: it travels as JSON. */
export interface NodeSummary {
  /** Its name in the broker. */
  readonly node: string
  /** Machine and process, for people. */
  readonly instance: string
  readonly version: string
  /** When it was started, and when this was said, milliseconds since 1970. */
  readonly since: number
  readonly time: number
  readonly draining: boolean
  /** Whether it can store messages. */
  readonly ok: boolean
  readonly connections: number
  readonly users: number
  /** Rooms with members on it. */
  readonly rooms: number
  /** Messages from and events to clients. */
  readonly received: number
  readonly sent: number
  readonly bytes_in: number
  readonly bytes_out: number
  /** Bytes that clients have not taken yet. */
  readonly buffered: number
  readonly refused: number
  /** How many took up to each bound of `src/stats/histogram.ts`; the last took longer. */
  readonly append: number[]
  readonly delivery: number[]
}

/** Where the numbers of a summary come from. */
export interface SummarySources {
  readonly broker: Broker
  readonly connections: ConnectionRegistry
  readonly rooms: Rooms
  readonly stats: Stats
  readonly startedAt: number
  readonly draining: boolean
  buffered(): { total: number }
}

export function summarize(
  sources: SummarySources,
  { instance, version, time }: Pick<NodeSummary, 'instance' | 'version' | 'time'>,
): NodeSummary {
  const { broker, connections, rooms, stats, startedAt, draining } = sources
  const { received, sent, bytesIn, bytesOut } = stats.traffic(connections)
  let refused = 0
  for (const codes of stats.refused.values()) for (const count of codes.values()) refused += count
  return {
    node: broker.node,
    instance,
    version,
    since: startedAt,
    time,
    draining,
    ok: broker.health().ok,
    connections: connections.size,
    users: connections.sizes().users,
    rooms: rooms.size,
    received,
    sent,
    bytes_in: bytesIn,
    bytes_out: bytesOut,
    buffered: sources.buffered().total,
    refused,
    append: [...stats.append.counts],
    delivery: [...stats.delivery.counts],
  }
}
