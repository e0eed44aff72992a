import { createHmac } from 'node:crypto'
import type { AddressInfo, Server } from 'node:net'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from '../../src/app.js'
import { type Config, resolveConfig } from '../../src/config.js'
import { Bystander } from './bystander.js'

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

const SECRET = 'the-key-of-the-tests-at-least-32-bytes'

/** Starts the service; the end of the test closes it. */
export async function listen(
  t: { teardown(end: () => unknown): unknown },
  settings: Partial<Config> = {},
  overrides: FastifyServerOptions = {},
): Promise<ListeningApp> {
  const config = resolveConfig({
    logLevel: 'silent',
    dataDir: ':memory:',
    jwtSecret: [SECRET],
    drainSeconds: 0,
    ...settings,
  })
  const app = await buildApp(config, overrides)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const bystander = await Bystander.connect(`ws://127.0.0.1:${port}/chat`, token('bystander'))
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

/** A token for this user, signed by hand, so that it can say what the service never would. */
export function token(sub: string, claims: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 3600
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp, ...claims })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}
