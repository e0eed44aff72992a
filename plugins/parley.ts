import cors from '@fastify/cors'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import broadcast from '../routes/broadcast.js'
import chat from '../routes/chat.js'
import chatActions from '../routes/chat-actions.js'
import chatEvents from '../routes/chat-events.js'
import connections from '../routes/connections/index.js'
import documents from '../routes/documents.js'
import drain from '../routes/drain.js'
import guests from '../routes/guests.js'
import health from '../routes/health.js'
import metrics from '../routes/metrics.js'
import nodes from '../routes/nodes.js'
import revocations from '../routes/revocations.js'
import rooms from '../routes/rooms/index.js'
import members from '../routes/rooms/members.js'
import messages from '../routes/rooms/messages.js'
import stats from '../routes/stats.js'
import tickets from '../routes/tickets.js'
import users from '../routes/users/index.js'
import ws from '../routes/ws.js'
import type { WorkerContext } from '../src/cluster/worker-process.js'
import { type Config, resolveConfig } from '../src/config.js'
import { logRequest } from '../src/log-request.js'
import access from './access.js'
import broker from './broker.js'
import documentation from './documents.js'
import errors, { notFound } from './errors.js'
import handshake from './handshake.js'
import limits from './limits.js'
import measurements from './metrics.js'
import pages from './pages.js'
import service from './service.js'
import tokens from './tokens.js'
import tracing from './tracing.js'
import turns from './turns.js'
import websocket from './websocket.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Set when this is one of several processes of `parley serve --workers`. */
    worker: WorkerContext | undefined
  }
}

/** Settings of docs/configuration.md in camel case, and where to mount. */
export interface ParleyOptions extends Partial<Config> {
  /** Prefix of every route: `/realtime` puts the rooms at `/realtime/chat`. */
  readonly prefix?: string
  /** Whether to serve the pages. Default: true. */
  readonly pages?: boolean
  /** Set by `parley serve --workers`: this is one of several processes of one service. */
  readonly worker?: WorkerContext
}

/**
 * The whole service as one Fastify plugin:
 *
 *     await app.register(parley, { prefix: '/realtime', jwtSecret: [secret] })
 *
 * Its routes, hooks and error handling stay under its prefix. The application gets two
 * decorators: `app.parley`, the running service, and `app.connections`, its registry.
 * @throws {ConfigError} when a setting does not fit.
 */
export const parley = fp<ParleyOptions>(
  async (fastify, { prefix = '', pages = true, worker, ...settings }) => {
    const config = resolveConfig(settings)
    let mounted: Pick<typeof fastify, 'parley' | 'connections'> | undefined
    const mount: FastifyPluginAsync = async (scope) => {
      await registerAll(scope, config, pages, worker)
      mounted = scope
    }
    // Serializers may return any value, only their type says that it is text.
    const logSerializers = { req: logRequest as unknown as () => string }
    await fastify.register(mount, { prefix, logSerializers })
    if (!mounted) return
    fastify.decorate('parley', mounted.parley)
    fastify.decorate('connections', mounted.connections)
  },
  { name: 'parley', fastify: '5.x' },
)

export default parley

/** What is counted against `RATE_LIMIT_REQUESTS`. Handshakes count themselves. */
const REST = [
  rooms,
  members,
  messages,
  connections,
  users,
  broadcast,
  tickets,
  revocations,
  guests,
  drain,
  nodes,
  stats,
]
/** What no page reads as HTTP: the rules for foreign pages (CORS) are not about them. */
const WEBSOCKET = [ws, chat]
const OTHERS = [chatEvents, chatActions, health, metrics, documents]

async function registerAll(
  scope: Parameters<FastifyPluginAsync>[0],
  config: Config,
  withPages: boolean,
  worker: WorkerContext | undefined,
): Promise<void> {
  await scope.register(errors)
  await scope.register(turns)
  await scope.register(tracing, { config })
  await scope.register(documentation)
  await scope.register(tokens, { config })
  scope.decorate('worker', worker)
  await scope.register(broker, { config })
  await scope.register(service, { config })
  await scope.register(access, { config })
  await scope.register(limits, { config })
  await scope.register(measurements)
  await scope.register(websocket, { config })
  await scope.register(handshake)
  for (const routes of WEBSOCKET) await scope.register(routes)
  await scope.register(async (http) => {
    await http.register(cors, {
      delegator: (request, callback) =>
        callback(null, {
          origin: request.headers.origin !== undefined && scope.originAllowed(request),
          exposedHeaders: ['retry-after'],
        }),
    })
    // Here, so that a page can read this answer like any other.
    http.setNotFoundHandler(notFound)
    for (const routes of OTHERS) await http.register(routes)
    await http.register(async (rest) => {
      rest.addHook('onRequest', (request) => rest.limitRequests(request))
      for (const routes of REST) await rest.register(routes)
    })
    if (withPages) await http.register(pages)
  })
}

export type { Identity } from '../src/auth/identity.js'
export { type Config, ConfigError } from '../src/config.js'
export type { Connection } from '../src/connections/connection.js'
export type { ConnectionRegistry } from '../src/connections/registry.js'
export { ParleyError } from '../src/errors.js'
export type { RealtimeService } from '../src/service.js'
