import type { Config } from '../config.js'
import { ParleyError } from '../errors.js'
import type { ConnectionRegistry } from './registry.js'

/** When to come back to a server that is full, milliseconds. */
const RETRY_AFTER = 5000

/** The limits on how many connections there may be, asked before one is let in. */
export class Admission {
  readonly #connections: ConnectionRegistry
  readonly #config: Config

  constructor(connections: ConnectionRegistry, config: Config) {
    this.#connections = connections
    this.#config = config
  }

  /**
   * Checks the limits that can be checked before the token is known.
   * @throws {ParleyError} `TOO_MANY_CONNECTIONS`, naming the limit.
   */
  checkAddress(address: string): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#config
    if (maxConnections > 0 && this.#connections.size >= maxConnections) {
      throw tooMany(`this server takes ${maxConnections} connections (MAX_CONNECTIONS)`, 503)
    }
    const here = this.#connections.countOfAddress(address)
    if (maxConnectionsPerAddress > 0 && here >= maxConnectionsPerAddress) {
      const limit = `${maxConnectionsPerAddress} connections (MAX_CONNECTIONS_PER_ADDRESS)`
      throw tooMany(`one address may have ${limit}`, 429)
    }
  }

  /**
   * Checks the limit of a user.
   * @throws {ParleyError} `TOO_MANY_CONNECTIONS`.
   */
  checkUser(user: string): void {
    const { maxConnectionsPerUser } = this.#config
    const here = this.#connections.countOfUser(user)
    if (maxConnectionsPerUser > 0 && here >= maxConnectionsPerUser) {
      const limit = `${maxConnectionsPerUser} connections (MAX_CONNECTIONS_PER_USER)`
      throw tooMany(`one user may have ${limit}`, 429)
    }
  }
}

function tooMany(message: string, statusCode: 429 | 503): ParleyError {
  return new ParleyError('TOO_MANY_CONNECTIONS', message, { statusCode, retryAfter: RETRY_AFTER })
}
