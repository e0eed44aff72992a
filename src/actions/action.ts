import type { Identity } from '../auth/identity.js'
import type { Broker } from '../broker/broker.js'
import type { Clock } from '../clock.js'
import type { Config } from '../config.js'
import type { Connection } from '../connections/connection.js'
import type { ConnectionRegistry } from '../connections/registry.js'
import type { ActionName, DecodedOf } from '../protocol/actions.js'
import type { Memberships } from '../rooms/membership.js'
import type { Rooms } from '../rooms/rooms.js'
import type { Stats } from '../stats/stats.js'

/** What actions work with. */
export interface ActionContext {
  readonly broker: Broker
  readonly clock: Clock
  readonly config: Config
  readonly connections: ConnectionRegistry
  readonly memberships: Memberships
  readonly rooms: Rooms
  readonly stats: Stats
  /** Verifies a token, as at the handshake. Rejects with `UNAUTHORIZED`. */
  readonly verifyToken: (token: string) => Promise<Identity>
}

/**
 * One action of the protocol. `run` gets a validated action and returns the reply's JSON text, or
 * nothing when there is none or it was sent already; what it throws becomes the `error` reply.
 */
export interface Action<N extends ActionName> {
  /** Later actions of the same connection wait until this one is done. */
  readonly exclusive: boolean
  /** How many ordinary actions it counts as against the rate limit, by what it costs. */
  readonly weight: number
  run(
    context: ActionContext,
    connection: Connection,
    action: DecodedOf<N>,
  ): string | undefined | Promise<string | undefined>
}

/** The table of all actions: it does not compile without a row for each. */
export type ActionTable = { readonly [N in ActionName]: Action<N> }
