import type { Connection } from '../connections/connection.js'
import type { AnyErrorCode } from '../errors.js'
import { CloseCode } from '../protocol/close-codes.js'
import { LatencyHistogram } from './histogram.js'

/** Where something was refused. */
export type RefusalPlace = 'action' | 'handshake' | 'request' | 'connection'

/** What all connections received and sent. */
export interface Traffic {
  /** Data messages. */
  received: number
  sent: number
  /** Bytes on the wire below TLS, frames and handshakes included. */
  bytesIn: number
  bytesOut: number
}

const CLOSE_CODES = new Set<number>([...Object.values(CloseCode), 1005, 1006])

/**
 * What this process counts since its start. A message costs nothing here: the counters of open
 * connections are added up when someone asks, those of closed ones when they close.
 */
export class Stats {
  /** From `append` to its acknowledgement. */
  readonly append = new LatencyHistogram()
  /** From the moment a message was stored to the moment it was written to the members here. */
  readonly delivery = new LatencyHistogram()
  opened = 0
  readonly #closed = new Map<string, number>()
  readonly #refused = new Map<RefusalPlace, Map<AnyErrorCode, number>>()
  readonly #gone: Traffic = { received: 0, sent: 0, bytesIn: 0, bytesOut: 0 }

  /** Connections that have closed, by close code; codes that are not ours are `other`. */
  get closed(): ReadonlyMap<string, number> {
    return this.#closed
  }

  /** Refusals by place and error code. */
  get refused(): ReadonlyMap<RefusalPlace, ReadonlyMap<AnyErrorCode, number>> {
    return this.#refused
  }

  countClosed(connection: Connection, code: number): void {
    const label = CLOSE_CODES.has(code) ? String(code) : 'other'
    this.#closed.set(label, (this.#closed.get(label) ?? 0) + 1)
    add(this.#gone, connection)
  }

  countRefused(place: RefusalPlace, code: AnyErrorCode): void {
    let byCode = this.#refused.get(place)
    if (!byCode) {
      byCode = new Map()
      this.#refused.set(place, byCode)
    }
    byCode.set(code, (byCode.get(code) ?? 0) + 1)
  }

  /** What was received and sent since the start, by connections that are gone and these. */
  traffic(open: Iterable<Connection>): Traffic {
    const traffic = { ...this.#gone }
    for (const connection of open) add(traffic, connection)
    return traffic
  }
}

function add(traffic: Traffic, { received, sent, transport }: Connection): void {
  traffic.received += received
  traffic.sent += sent
  traffic.bytesIn += transport.bytesRead
  traffic.bytesOut += transport.bytesWritten
}
