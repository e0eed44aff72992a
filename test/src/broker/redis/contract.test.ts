import t from 'tap'
import { createRedisBroker } from '../../../../src/broker/redis/redis.js'
import { systemClock } from '../../../../src/clock.js'
import { brokerContract } from '../../../contract/broker.js'
import { noRedis, RedisServer, startRedisCluster } from '../../../helpers/redis.js'

t.setTimeout(120_000)

const kinds = {
  'one Redis server': async () => [await RedisServer.start()],
  'a Redis Cluster of three masters': () => startRedisCluster(3),
}

for (const [kind, start] of Object.entries(kinds)) {
  t.test(`the Redis broker over ${kind}`, { skip: noRedis }, async (t) => {
    const servers = await start()
    t.teardown(() => Promise.all(servers.map((server) => server.stop())))
    const urls = servers.map(({ url }) => url)
    let labs = 0
    brokerContract(t, {
      open: async (settings) => {
        const prefix = `lab${labs++}`
        return { node: () => createRedisBroker({ urls, prefix, clock: systemClock, ...settings }) }
      },
      durable: true,
      nodes: true,
    })
  })
}
