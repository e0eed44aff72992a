import { createHash } from 'node:crypto'
import type { Broker } from '../broker/broker.js'
import type { Clock } from '../clock.js'
import { ParleyError } from '../errors.js'
import { claimsOf, type Identity, identityOf } from './identity.js'

/** How long a ticket is good for, milliseconds. */
export const TICKET_LIFETIME = 30_000

const PARAMETER = /(?:^|&)ticket=([\w-]*)(?:&|$)/

export interface Ticket {
  readonly ticket: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/**
 * Tickets open one handshake each, for clients that can send neither a header nor a subprotocol.
 * A ticket stands for the token it was made with, on every node. What is kept is its hash.
 */
export class Tickets {
  readonly #broker: Broker
  readonly #clock: Clock

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker
    this.#clock = clock
  }

  /** @throws {StoreUnavailable} when it cannot be kept. */
  async issue(identity: Identity): Promise<Ticket> {
    const ticket = this.#clock.id() + this.#clock.id()
    const now = this.#clock.now()
    const lifetime = Math.min(TICKET_LIFETIME, identity.expires - now)
    await this.#broker.remember(keyOf(ticket), JSON.stringify(claimsOf(identity)), lifetime)
    return { ticket, expires: now + lifetime }
  }

  /** @throws {ParleyError} `UNAUTHORIZED` for a ticket that is unknown, was used or is too old. */
  async redeem(ticket: string): Promise<Identity> {
    const claims = await this.#broker.take(keyOf(ticket))
    if (claims !== undefined) return identityOf(JSON.parse(claims))
    throw new ParleyError('UNAUTHORIZED', 'the ticket is unknown, was used or is too old')
  }
}

/** The ticket in a query string (without `?`), or undefined. */
export function findTicket(query: string): string | undefined {
  return PARAMETER.exec(query)?.[1]
}

function keyOf(ticket: string): string {
  return `ticket/${createHash('sha256').update(ticket).digest('base64url')}`
}
