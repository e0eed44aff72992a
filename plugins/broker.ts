import fp from 'fastify-plugin'
import type { Broker } from '../src/broker/broker.js'
import { createEmbeddedBroker } from '../src/broker/embedded/embedded.js'
import { openLogStore } from '../src/broker/embedded/log-store.js'
import { createMemoryStore } from '../src/broker/embedded/memory-store.js'
import { createRedisBroker } from '../src/broker/redis/redis.js'
import { createWorkersBroker } from '../src/broker/workers/workers.js'
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
    const onError = (err: unknown, what: string) => fastify.log.error({ err }, what)
    const { worker } = fastify
    const broker = worker?.log
      ? createWorkersBroker({
          stream: worker.log,
          clock: systemClock,
          ownerGone: () => worker.ownerGone(),
          onError,
        })
      : await createBroker(config, onError)
    fastify.decorate('broker', broker)
  },
  { name: 'parley-broker', fastify: '5.x' },
)

/** The broker of a process that has no other beside it. */
export async function createBroker(
  config: Config,
  onError: (error: unknown, what: string) => void,
): Promise<Broker> {
  const {
    redisUrl,
    redisPrefix,
    redisWaitReplicas,
    dataDir,
    durability,
    historyMessages,
    historySeconds,
  } = config
  const base = { clock: systemClock, historyMessages, historySeconds, onError }
  if (redisUrl.length > 0)
    return createRedisBroker({
      ...base,
      urls: redisUrl,
      prefix: redisPrefix,
      waitReplicas: redisWaitReplicas,
    })
  const store = dataDir === ':memory:' ? createMemoryStore() : await openLogStore({ dir: dataDir })
  return createEmbeddedBroker({ ...base, store, durability })
}
