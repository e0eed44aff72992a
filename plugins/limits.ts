import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Broker, Counted } from '../src/broker/broker.js'
import { Counters } from '../src/broker/counters.js'
import { systemClock } from '../src/clock.js'
import type { Config } from '../src/config.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request of its user or address. Rejects with `RATE_LIMITED` over the limit. */
    limitRequests: (request: FastifyRequest) => Promise<void>
  }
}

const WINDOW = 60_000

/** How long the broker has to count, milliseconds: a request must not wait for it longer. */
const PATIENCE = 250

/**
 * How many requests and handshakes a user, or an address without a valid token, may send: over all
 * nodes together, or to this one alone while the broker cannot count.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const max = config.rateLimitRequests
    if (max === 0) {
      fastify.decorate('limitRequests', async () => {})
      return
    }
    await fastify.register(rateLimit, { global: false, store: storeOver(fastify.broker) })
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

type Counting = (error: Error | null, result?: { current: number; ttl: number }) => void

/** What @fastify/rate-limit counts with. */
function storeOver(broker: Broker) {
  const here = new Counters(systemClock)
  return class BrokerStore {
    incr(key: string, done: Counting, window: number): void {
      void countWith(broker, key, window)
        .catch(() => here.count(key, window))
        .then(({ count, left }) => done(null, { current: count, ttl: left }))
    }

    child(): BrokerStore {
      return this
    }
  }
}

async function countWith(broker: Broker, key: string, window: number): Promise<Counted> {
  let timeout: NodeJS.Timeout | undefined
  const patience = new Promise<never>((_resolve, reject) => {
    timeout = setTimeout(() => reject(new Error('the broker takes too long')), PATIENCE)
  })
  try {
    return await Promise.race([broker.count(key, window), patience])
  } finally {
    clearTimeout(timeout)
  }
}
