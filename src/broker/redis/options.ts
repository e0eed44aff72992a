import type { Clock } from '../../clock.js'

export interface RedisBrokerOptions {
  /** `redis://` or `rediss://`; several: nodes of a cluster, or a primary and its replicas. */
  readonly urls: readonly string[]
  /** What the names of all keys and channels begin with. Default `parley`. */
  readonly prefix?: string
  readonly clock: Clock
  /** Messages kept per room. */
  readonly historyMessages: number
  /** How long messages are kept, seconds. */
  readonly historySeconds: number
  /** How many replicas have to have a message before it is acknowledged. Default 0. */
  readonly waitReplicas?: number
  /** How long a message's id is remembered at least, seconds. Default 600. */
  readonly dedupeSeconds?: number
  /** Told what went wrong where nobody waits for an answer. Default: nothing. */
  readonly onError?: (error: unknown, what: string) => void
}
