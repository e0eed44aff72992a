import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Identity } from '../src/auth/identity.js'
import { createOriginPolicy } from '../src/auth/origin.js'
import { findToken } from '../src/auth/token-source.js'
import { type Config, ConfigError } from '../src/config.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a page of the request's `Origin` may talk to this server. */
    originAllowed: (request: FastifyRequest) => boolean
    /** Finds and verifies a request's token and sets `request.identity`. */
    identify: (request: FastifyRequest) => Identity
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

    fastify.decorate('originAllowed', (request: FastifyRequest) =>
      policy({
        origin: request.headers.origin,
        host: request.host,
        secure: request.protocol === 'https',
      }),
    )
    fastify.decorate('identify', (request: FastifyRequest) => {
      const { headers, raw } = request
      const token = findToken(
        {
          authorization: headers.authorization,
          subprotocols: headers['sec-websocket-protocol'],
          cookie: headers.cookie,
          query: raw.url?.split('?', 2)[1] ?? '',
        },
        config.jwtCookie,
      )
      request.tokenMissing = token === undefined
      if (token === undefined) throw new ParleyError('UNAUTHORIZED', 'a token is required')
      request.identity = fastify.tokens.verify(token)
      return request.identity
    })
    const requireToken: onRequestAsyncHookHandler = async (request) => {
      // A cookie comes along by itself: what changes something must not come from a foreign page.
      const reads = request.method === 'GET' || request.method === 'HEAD'
      if (!reads && !fastify.originAllowed(request)) throw new ParleyError('ORIGIN_NOT_ALLOWED')
      fastify.identify(request)
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
  { name: 'parley-access', fastify: '5.x', dependencies: ['parley-tokens', 'parley-errors'] },
)

function originPolicy({ allowedOrigins, allowNoOrigin }: Config) {
  try {
    return createOriginPolicy({ allowed: allowedOrigins, allowNone: allowNoOrigin })
  } catch (error) {
    throw new ConfigError(`ALLOWED_ORIGINS: ${(error as Error).message}`)
  }
}
