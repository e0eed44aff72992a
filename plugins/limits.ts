import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request of its user or address. Rejects with `RATE_LIMITED` over the limit. */
    limitRequests: (request: FastifyRequest) => Promise<void>
  }
}

const WINDOW = 60_000

/** Users and addresses that are counted at the same time; the least recent are forgotten. */
const MAX_COUNTED = 20_000

/** How many requests and handshakes a user, or an address without a valid token, may send. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const max = config.rateLimitRequests
    if (max === 0) {
      fastify.decorate('limitRequests', async () => {})
      return
    }
    await fastify.register(rateLimit, { global: false, cache: MAX_COUNTED })
    const count = fastify.createRateLimit({
      max,
      timeWindow: WINDOW,
      keyGenerator: async (request: FastifyRequest) => {
        try {
          return `user ${(await fastify.identify(request)).user}`
        } catch {
          return `address ${normalizeIP(request.ip)}`
        }
      },
    })
    fastify.decorate('limitRequests', async (request: FastifyRequest) => {
      const limit = await count(request)
      if (limit.isAllowed || !limit.isExceeded) return
      const message = `at most ${max} requests a minute (RATE_LIMIT_REQUESTS)`
      throw new ParleyError('RATE_LIMITED', message, { retryAfter: limit.ttl })
    })
  },
  { name: 'parley-limits', fastify: '5.x', dependencies: ['parley-access'] },
)
