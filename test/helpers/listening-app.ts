import type { AddressInfo, Server } from 'node:net'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from '../../src/app.js'
import { type Config, resolveConfig } from '../../src/config.js'
import { Bystander } from './bystander.js'
import { noteOutput } from './evidence.js'
import { JWT_SECRET, signToken } from './jwt.js'

/** The service of the test's own process, in memory, listening on a free port. */
export interface ListeningApp {
  readonly app: FastifyInstance
  readonly server: Server
  readonly port: number
  /** A client that talks to itself, to see that others are not disturbed. */
  readonly bystander: Bystander
  /** Resolves once only the bystander is connected. */
  quiet(): Promise<void>
}

/** Starts the service; the end of the test closes it. */
export async function listen(
  t: { teardown(end: () => unknown): unknown },
  settings: Partial<Config> = {},
  overrides: FastifyServerOptions = {},
): Promise<ListeningApp> {
  const config = resolveConfig({
    logLevel: 'silent',
    dataDir: ':memory:',
    jwtSecret: [JWT_SECRET],
    drainSeconds: 0,
    ...settings,
  })
  const app = await buildApp(config, overrides)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    if (app.server.listening) noteOutput((await app.inject('/metrics')).body)
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const bystander = await Bystander.connect(
    `ws://127.0.0.1:${port}/chat`,
    signToken({ sub: 'bystander' }, 3600),
  )
  return {
    app,
    server: app.server,
    port,
    bystander,
    async quiet() {
      while (app.connections.size > 1) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
