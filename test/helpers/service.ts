import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyServerOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.js'
import { type Config, resolveConfig } from '../../src/config.js'
import { ChatClient, type ConnectOptions } from './chat-client.js'
import { noteOutput } from './evidence.js'
import { JWT_SECRET, signToken } from './jwt.js'

/** The service in this process, listening on a free port, with a log in memory. */
export interface TestService {
  readonly app: FastifyInstance
  readonly port: number
  /** `http://127.0.0.1:<port>`, or https with a certificate. */
  readonly url: string
  /** Connects to `/chat` with a token of this user and waits for the welcome. */
  connect(user: string, options?: ConnectOptions & { claims?: object }): Promise<ChatClient>
  /** A REST request with a token of these claims. */
  request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    options?: { claims?: object; payload?: unknown; headers?: Record<string, string> },
  ): Promise<LightMyRequestResponse>
}

/** Starts the service; it is gone at the test's end. Rates are not limited unless asked for. */
export async function startService(
  t: Test,
  settings: Partial<Config> = {},
  overrides: FastifyServerOptions = {},
): Promise<TestService> {
  const config = resolveConfig({
    jwtSecret: [JWT_SECRET],
    dataDir: ':memory:',
    logLevel: 'silent',
    rateLimitMessages: 0,
    rateLimitRequests: 0,
    drainSeconds: 0,
    ...settings,
  })
  const app = await buildApp(config, overrides)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const clients: ChatClient[] = []
  t.teardown(async () => {
    for (const client of clients) client.terminate()
    if (app.server.listening) noteOutput((await app.inject('/metrics')).body)
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const url = `http${config.tlsCertFile === undefined ? '' : 's'}://127.0.0.1:${port}`
  return {
    app,
    port,
    url,
    async connect(user, { claims, ...options } = {}) {
      const token = signToken({ sub: user, ...claims })
      const client = new ChatClient(`${url.replace('http', 'ws')}/chat`, { token, ...options })
      clients.push(client)
      await client.opened
      await client.event('welcome')
      return client
    },
    request(method, url, { claims, payload, headers } = {}) {
      const authorization = claims && { authorization: `Bearer ${signToken(claims)}` }
      const body = payload === undefined ? {} : { payload: payload as object }
      return app.inject({ method, url, headers: { ...authorization, ...headers }, ...body })
    },
  }
}
