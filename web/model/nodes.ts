import type { Stats } from './readings.js'

/** One node, as `GET /nodes` lists it. */
export interface Node extends Omit<Stats, 'bounds'> {
  readonly node: string
  /** Machine and process. */
  readonly instance: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly ok: boolean
}

/** What `GET /nodes` answers. */
export interface NodeList {
  /** Name of the node that answered. */
  readonly this: string
  readonly bounds: readonly number[]
  readonly nodes: readonly Node[]
}

/** The counters of all nodes together. `draining` means all of them. */
export function totalOf({ bounds, nodes }: NodeList): Stats {
  const sum = (read: (node: Node) => number) => nodes.reduce((all, node) => all + read(node), 0)
  const buckets = (read: (node: Node) => readonly number[]) =>
    Array.from({ length: bounds.length + 1 }, (_, i) => sum((node) => read(node)[i] ?? 0))
  return {
    time: Math.max(...nodes.map(({ time }) => time)),
    connections: sum(({ connections }) => connections),
    users: sum(({ users }) => users),
    rooms: sum(({ rooms }) => rooms),
    draining: nodes.every(({ draining }) => draining),
    received: sum(({ received }) => received),
    sent: sum(({ sent }) => sent),
    bytes_in: sum((node) => node.bytes_in),
    bytes_out: sum((node) => node.bytes_out),
    buffered: sum(({ buffered }) => buffered),
    refused: sum(({ refused }) => refused),
    bounds,
    append: buckets(({ append }) => append),
    delivery: buckets(({ delivery }) => delivery),
  }
}

/** A short name that people can tell apart: the process, or what there is. */
export function labelOf({ instance, node }: Pick<Node, 'instance' | 'node'>): string {
  return instance || node
}
