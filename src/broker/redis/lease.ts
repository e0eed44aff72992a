import { LEASE } from './presence-scripts.js'
import type { PresenceStore } from './retire.js'

/** How long a node counts as alive after it was last heard of, milliseconds. */
export const LEASE_TIME = 9000
/** Milliseconds after which a node renews its lease. */
export const BETWEEN_LEASES = 3000

export interface Lease {
  /** False when Redis has lost it or it had ended. */
  readonly kept: boolean
  /** Nodes whose leases have ended; ten at most. */
  readonly ended: string[]
}

/** Begins a node's lease anew, or renews it. Rejects when Redis is away. */
export async function lease(
  { shards, keys }: PresenceStore,
  node: string,
  how: 'begin' | 'renew',
): Promise<Lease> {
  const args = [node, String(LEASE_TIME * 1000), how === 'begin' ? '1' : '0']
  const { slot, name } = keys.nodes
  const [kept, ended] = await shards.run<[number, string[]]>(slot, LEASE, [name], args)
  return { kept: kept === 1, ended }
}
