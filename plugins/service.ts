import { hostname } from 'node:os'
import fp from 'fastify-plugin'
import { systemClock } from '../src/clock.js'
import type { Config } from '../src/config.js'
import type { ConnectionRegistry } from '../src/connections/registry.js'
import { RealtimeService } from '../src/service.js'
import { VERSION } from '../src/version.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The running service: rooms, broker, drain. */
    parley: RealtimeService
    /** Every open connection of this process; WebSocket, REST and health share this one. */
    connections: ConnectionRegistry
  }
}

/** The service and its registry, started with the application and closed with it. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const service = new RealtimeService({
      config,
      broker: fastify.broker,
      clock: systemClock,
      log: fastify.log,
      about: { instance: `${hostname()}:${process.pid}`, version: VERSION },
      verifyToken: (token, expiredFor) => fastify.tokens.verify(token, expiredFor),
    })
    fastify.decorate('parley', service)
    fastify.decorate('connections', service.connections)
    await service.start()
    // Before the server waits for its connections: upgraded ones would never end by themselves.
    fastify.addHook('preClose', () => service.drain())
    fastify.addHook('onClose', () => service.close())
  },
  { name: 'parley-service', fastify: '5.x', dependencies: ['parley-broker', 'parley-tokens'] },
)
