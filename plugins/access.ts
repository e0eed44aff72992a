import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Identity } from '../src/auth/identity.js'
import { createOriginPolicy } from '../src/auth/origin.js'
import { findTicket } from '../src/auth/tickets.js'
import { findToken } from '../src/auth/token-source.js'
import { type Config, ConfigError } from '../src/config.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a page of the request's `Origin` may talk to this server. */
    originAllowed: (request: FastifyRequest) => boolean
    /** Finds and verifies a request's token, or a handshake's ticket, and sets `request.identity`. */
    identify: (request: FastifyRequest) => Promise<Identity>
    /** Hook for REST routes that need a token. */
    requireToken: onRequestAsyncHookHandler
    /** Hook for REST routes that need a token with this scope. */
    requireScope: (scope: string) => onRequestAsyncHookHandler
  }
  interface FastifyRequest {
    /** Who the request acts for, once its token was verified. */
    identity: Identity | null
    /** The request carried no token at all. */
    tokenMissing: boolean
  }
}

/** Who may come in: origins and tokens, for REST and handshakes alike. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    fastify.decorateRequest('identity', null)
    fastify.decorateRequest('tokenMissing', false)
    const policy = originPolicy(config)
    const { parley } = fastify

    fastify.decorate('originAllowed', (request: FastifyRequest) =>
      policy({
        origin: request.headers.origin,
        site: request.headers['sec-fetch-site'],
        host: request.host,
        secure: request.protocol === 'https',
      }),
    )
    fastify.decorate('identify', async (request: FastifyRequest) => {
      if (request.identity) return request.identity
      const { headers, raw } = request
      const query = raw.url?.split('?', 2)[1] ?? ''
      const token = findToken(
        {
          authorization: headers.authorization,
          subprotocols: headers['sec-websocket-protocol'],
          cookie: headers.cookie,
          query,
        },
        config.jwtCookie,
      )
      const ticket = token === undefined && opensConnection(request) ? findTicket(query) : undefined
      request.tokenMissing = token === undefined && ticket === undefined
      if (token !== undefined) request.identity = await parley.verify(token)
      else if (ticket !== undefined) request.identity = await parley.redeem(ticket)
      else throw new ParleyError('UNAUTHORIZED', 'a token is required')
      return request.identity
    })
    const requireToken: onRequestAsyncHookHandler = async (request) => {
      // A cookie comes along by itself: what changes something must not come from a foreign page.
      const reads = request.method === 'GET' || request.method === 'HEAD'
      if (!reads && !fastify.originAllowed(request)) throw new ParleyError('ORIGIN_NOT_ALLOWED')
      await fastify.identify(request)
    }
    fastify.decorate('requireToken', requireToken)
    fastify.decorate('requireScope', (scope: string): onRequestAsyncHookHandler => {
      return async function requireScope(request, reply) {
        await requireToken.call(this, request, reply)
        if (!request.identity?.scopes.has(scope)) {
          throw new ParleyError('FORBIDDEN', `the token lacks the scope "${scope}"`)
        }
      }
    })
  },
  { name: 'parley-access', fastify: '5.x', dependencies: ['parley-service', 'parley-errors'] },
)

/** Whether a request asks for a connection: a WebSocket's handshake, or a stream. */
export function opensConnection({ ws, routeOptions }: FastifyRequest): boolean {
  return ws || routeOptions.config?.opensConnection === true
}

function originPolicy({ allowedOrigins, allowNoOrigin }: Config) {
  try {
    return createOriginPolicy({ allowed: allowedOrigins, allowNone: allowNoOrigin })
  } catch (error) {
    throw new ConfigError(`ALLOWED_ORIGINS: ${(error as Error).message}`)
  }
}
