import type { Config } from '../../src/config.js'

/** Settings under which no limit answers in place of what is to be searched. */
export const UNLIMITED: Partial<Config> = {
  rateLimitMessages: 0,
  rateLimitRequests: 0,
  maxConnectionsPerUser: 0,
}
