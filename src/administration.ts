import {
  REVOCATION_PREFIX,
  type Revocation,
  RevocationList,
  revocationKey,
} from './auth/revocations.js'
import type { Broker, Command } from './broker/broker.js'
import type { Clock, Scheduled } from './clock.js'
import type { ConnectionRegistry } from './connections/registry.js'
import { CloseCode } from './protocol/close-codes.js'
import type { Memberships } from './rooms/membership.js'

export interface AdministrationOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly connections: ConnectionRegistry
  readonly memberships: Memberships
  /** How long a revocation is remembered, milliseconds. */
  readonly revocationLifetime: number
  /** Sends everyone away from this node. */
  readonly drain: () => void
  /** Tells another node how this one is. */
  readonly introduce: (to: string, round: number) => void
  /** Told of failures that nobody waits for. */
  readonly onError: (error: unknown, what: string) => void
}

/** Milliseconds after which a node that was cut off knows the revocations it missed. */
const RELOAD_EVERY = 10_000

/**
 * What administrators do to connections, wherever they are: each call tells every node, and
 * `execute` is what a node does when it is told.
 */
export class Administration {
  readonly revocations = new RevocationList()
  readonly #options: AdministrationOptions
  #reloading: Scheduled | undefined

  constructor(options: AdministrationOptions) {
    this.#options = options
  }

  /** Learns what was revoked before this process started. Rejects when the store is away. */
  async start(): Promise<void> {
    const { clock, onError } = this.#options
    await this.#load()
    this.#reloading = clock.every(RELOAD_EVERY, () => {
      this.revocations.sweep(clock.now())
      this.#load().catch((error) => onError(error, 'revocations cannot be read'))
    })
  }

  stop(): void {
    this.#reloading?.cancel()
  }

  /** Closes one connection with 4501. */
  disconnect(connection: string): Promise<void> {
    const code = CloseCode.revoked
    const reason = 'Disconnected by an administrator'
    return this.#options.broker.command({ command: 'disconnect', connection, code, reason })
  }

  /** Takes a user out of a room; who may join it can come back. */
  remove(room: string, user: string): Promise<void> {
    return this.#options.broker.command({ command: 'remove', room, user })
  }

  /** Sends an event, complete JSON text, to every connection of `/chat`. */
  broadcast(event: string): Promise<void> {
    return this.#options.broker.command({ command: 'broadcast', event })
  }

  /** Revokes a token by its `jti`. */
  revokeToken(tokenId: string): Promise<void> {
    return this.#revoke({ tokenId, expires: this.#forgetAt() })
  }

  /** Revokes every token that was issued to a user up to now. */
  logOut(user: string): Promise<void> {
    const issuedUntil = this.#options.clock.now()
    return this.#revoke({ user, issuedUntil, expires: this.#forgetAt() })
  }

  /** Does on this node what a command says. */
  execute(command: Command): void {
    const { connections } = this.#options
    switch (command.command) {
      case 'disconnect':
        connections.get(command.connection)?.close(command.code, command.reason)
        return
      case 'remove':
        this.#remove(command.room, command.user)
        return
      case 'broadcast':
        for (const connection of connections) {
          if (connection.endpoint === 'chat') connection.send(command.event)
        }
        return
      case 'revoke':
        this.revocations.add(command.revocation)
        this.#closeRevoked()
        return
      case 'drain':
        this.#options.drain()
        return
      case 'introduce':
        this.#options.introduce(command.to, command.round)
        return
    }
  }

  /** Remembered first, so that no restart forgets it; then every node is told. */
  async #revoke(revocation: Revocation): Promise<void> {
    const { broker, revocationLifetime } = this.#options
    const text = JSON.stringify(revocation)
    await broker.remember(revocationKey(revocation), text, revocationLifetime)
    await broker.command({ command: 'revoke', revocation })
  }

  #forgetAt(): number {
    return this.#options.clock.now() + this.#options.revocationLifetime
  }

  #remove(room: string, user: string): void {
    const { connections, memberships, onError } = this.#options
    for (const connection of connections.ofUser(user)) {
      memberships.expel(connection, room).catch((error) => onError(error, 'removing failed'))
    }
  }

  async #load(): Promise<void> {
    for (const { value } of await this.#options.broker.remembered(REVOCATION_PREFIX)) {
      this.revocations.add(JSON.parse(value))
    }
    this.#closeRevoked()
  }

  #closeRevoked(): void {
    for (const connection of this.#options.connections) {
      if (this.revocations.covers(connection.identity)) {
        connection.close(CloseCode.revoked, 'Token revoked')
      }
    }
  }
}
