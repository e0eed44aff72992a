import type { ServerResponse } from 'node:http'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { selectSubprotocol } from '../src/auth/token-source.js'
import { selectDeflateOffer } from '../src/connections/deflate-offer.js'
import { ParleyError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook of the WebSocket routes: everything that is settled before the upgrade. */
    handshake: onRequestAsyncHookHandler
    /** Hook of routes that open a stream: the same, without what only a WebSocket has. */
    admit: onRequestAsyncHookHandler
  }
  interface FastifyRequest {
    /** The response that a handshake which was let in does not need any more. */
    answer: ServerResponse | null
  }
  interface FastifyContextConfig {
    /** The route opens a connection: it takes tickets, and counts as a handshake. */
    opensConnection?: boolean
  }
}

/** A nonce of 16 bytes in base64 (RFC 6455, section 4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/

/** The handshake as a pipe: each step lets the request through or answers it as plain HTTP. */
export default fp(
  async (fastify) => {
    const { parley } = fastify
    fastify.decorateRequest('answer', null)
    const admit = async (request: FastifyRequest) => {
      if (parley.draining) throw new ParleyError('DRAINING', undefined, { retryAfter: 1000 })
      if (!fastify.originAllowed(request)) throw new ParleyError('ORIGIN_NOT_ALLOWED')
      parley.admission.checkAddress(request.ip)
      await fastify.limitRequests(request)
      parley.admission.checkUser((await fastify.identify(request)).user)
    }
    const handshake: onRequestAsyncHookHandler = async (request, reply) => {
      if (!request.ws) throw new ParleyError('UPGRADE_REQUIRED')
      refuseMalformed(request)
      await admit(request)
      offerOnlyOurSubprotocol(request)
      if (fastify.deflate) offerOnlyOurExtension(request)
      request.answer = reply.raw
    }
    fastify.decorate('admit', admit)
    fastify.decorate('handshake', handshake)
  },
  {
    name: 'parley-handshake',
    fastify: '5.x',
    dependencies: ['parley-limits', 'parley-service', 'parley-websocket'],
  },
)

/** RFC 6455, section 4.2.1; Node lets a missing or doubled `Host` and HTTP/1.0 through. */
function refuseMalformed({ raw, headers }: FastifyRequest): void {
  const hosts = raw.rawHeaders?.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  const problem =
    raw.httpVersion !== '1.1' && raw.httpVersion !== '2.0'
      ? 'a WebSocket needs HTTP/1.1 or HTTP/2'
      : hosts && hosts.length !== 1
        ? 'there must be exactly one Host header'
        : headers.upgrade?.toLowerCase() !== 'websocket'
          ? 'Upgrade must be websocket'
          : headers['sec-websocket-version'] !== '13'
            ? 'Sec-WebSocket-Version must be 13'
            : !KEY.test(headers['sec-websocket-key'] ?? '')
              ? 'Sec-WebSocket-Key must be 16 bytes in base64'
              : undefined
  if (problem) throw new ParleyError('BAD_HANDSHAKE', problem)
}

/** Whatever chooses the subprotocol after this can only answer with ours, never with a token. */
function offerOnlyOurSubprotocol({ raw }: FastifyRequest): void {
  const selected = selectSubprotocol(raw.headers['sec-websocket-protocol'])
  if (selected) raw.headers['sec-websocket-protocol'] = selected
  else delete raw.headers['sec-websocket-protocol']
}

/** What cannot be agreed on is no reason to refuse: ws would. */
function offerOnlyOurExtension({ raw }: FastifyRequest): void {
  const selected = selectDeflateOffer(raw.headers['sec-websocket-extensions'])
  if (selected) raw.headers['sec-websocket-extensions'] = selected
  else delete raw.headers['sec-websocket-extensions']
}
