import { quantileBetween } from './quantile.js'

/** Counters of one node, as `GET /nodes` tells them, or of all of them together. */
export interface Stats {
  readonly time: number
  readonly connections: number
  readonly users: number
  readonly rooms: number
  readonly draining: boolean
  readonly received: number
  readonly sent: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly buffered: number
  readonly refused: number
  readonly bounds: readonly number[]
  readonly append: readonly number[]
  readonly delivery: readonly number[]
}

/** One point of every chart. Undefined where there was nothing to measure. */
export interface Reading {
  /** Milliseconds since 1970, server clock. */
  readonly time: number
  readonly connections: number
  /** Messages a second. */
  readonly received: number
  readonly sent: number
  /** Milliseconds. */
  readonly appendMedian: number | undefined
  readonly appendSlow: number | undefined
  readonly deliverySlow: number | undefined
}

/** How many readings are kept: ten minutes at one in two seconds. */
const LIMIT = 300

/** Makes points of charts out of counters that only grow. */
export class Readings {
  #last: Stats | undefined
  #all: readonly Reading[] = []

  get all(): readonly Reading[] {
    return this.#all
  }

  /** Takes the counters as they are now. Counters that fell are of a process that began anew. */
  add(stats: Stats): void {
    const last = this.#last
    this.#last = stats
    if (!last) return
    if (stats.received < last.received || stats.time <= last.time) {
      this.#all = []
      return
    }
    const seconds = (stats.time - last.time) / 1000
    const quantile = (what: 'append' | 'delivery', share: number) =>
      quantileBetween(last[what], stats[what], stats.bounds, share)
    const reading = {
      time: stats.time,
      connections: stats.connections,
      received: (stats.received - last.received) / seconds,
      sent: (stats.sent - last.sent) / seconds,
      appendMedian: quantile('append', 0.5),
      appendSlow: quantile('append', 0.99),
      deliverySlow: quantile('delivery', 0.99),
    }
    this.#all = [...this.#all.slice(1 - LIMIT), reading]
  }
}
