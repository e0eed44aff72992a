import fp from 'fastify-plugin'
import type { Broker } from '../src/broker/broker.js'
import { createEmbeddedBroker } from '../src/broker/embedded/embedded.js'
import { openLmdbStore } from '../src/broker/embedded/lmdb-store.js'
import { createMemoryStore } from '../src/broker/embedded/memory-store.js'
import { systemClock } from '../src/clock.js'
import type { Config } from '../src/config.js'

declare module 'fastify' {
  interface FastifyInstance {
    broker: Broker
  }
}

/** The broker that the settings name. The one place that knows which implementations there are. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { dataDir, durability, historyMessages, historySeconds } = config
    const store =
      dataDir === ':memory:' ? createMemoryStore() : await openLmdbStore({ dir: dataDir })
    const options = { store, clock: systemClock, durability, historyMessages, historySeconds }
    fastify.decorate('broker', createEmbeddedBroker(options))
  },
  { name: 'parley-broker', fastify: '5.x' },
)
