import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import type { Config } from '../src/config.js'
import { Deflate, WINDOW_BITS } from '../src/connections/deflate.js'
import { guardUpgrades, type UpgradeListener } from '../src/connections/upgrade-guard.js'
import { writeWithAnswer } from '../src/connections/upgraded.js'
import { CLOSE_TIMEOUT } from '../src/drain.js'
import { ParleyError } from '../src/errors.js'
import { CloseCode } from '../src/protocol/close-codes.js'
import { SUBPROTOCOL } from '../src/protocol/limits.js'
import { isHttp2, websocketH2 } from './websocket-h2.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** How messages are compressed; undefined when they are not. */
    deflate: Deflate | undefined
  }
}

/**
 * WebSockets by @fastify/websocket. An application that registered it already keeps its own, and
 * its options, because two would both answer every handshake. With a server of HTTP/2 they come in
 * through that as well.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const own = !fastify.hasDecorator('websocketServer')
    const compressing = config.compression === 'on'
    const { compressionMinBytes: minBytes, maxMessageBytes: maxInflated } = config
    const deflate = own && compressing ? new Deflate({ minBytes, maxInflated }) : undefined
    fastify.decorate('deflate', deflate)
    if (own) await registerWebSocket(fastify, config)
    else if (compressing) fastify.log.warn('COMPRESSION: @fastify/websocket was registered before')
    if (isHttp2(fastify.server)) await fastify.register(websocketH2)
  },
  { name: 'parley-websocket', fastify: '5.x' },
)

/** What both sides agree on: nothing is kept between messages. */
const DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: WINDOW_BITS,
  // ws sets these two in a copy for each connection. Where they are there already, all copies are of
  // one hidden class instead of one each: a quarter of a kilobyte.
  isServer: true,
  maxPayload: 0,
}

async function registerWebSocket(
  fastify: FastifyInstance,
  { maxMessageBytes, compression }: Config,
): Promise<void> {
  const options = {
    maxPayload: maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT,
    clientTracking: false,
    perMessageDeflate: compression === 'on' && DEFLATE,
    handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  }
  const others = fastify.server.listeners('upgrade')
  await fastify.register(websocket, {
    options,
    errorHandler: onError,
    // The service has sent everyone away by the time the server closes; see src/drain.ts.
    preClose: (done) => done(),
  })
  fastify.websocketServer.on('headers', (_headers, { socket }) => writeWithAnswer(socket))
  // Somebody else who listens too decides about what is not ours.
  if (others.length > 0) return
  const [accept] = fastify.server.listeners('upgrade') as [UpgradeListener]
  fastify.server.off('upgrade', accept).on('upgrade', guardUpgrades(fastify.server, accept))
  refuseElsewhere(fastify)
}

/** @fastify/websocket would accept a WebSocket on every route, only to close it. */
function refuseElsewhere(fastify: FastifyInstance): void {
  const endpoints = new Set<string>()
  fastify.addHook('onRoute', ({ websocket, url }) => {
    if (websocket) endpoints.add(url)
  })
  fastify.addHook('onRequest', ({ ws, is404, routeOptions }, _reply, done) => {
    if (!ws || is404 || endpoints.has(routeOptions.url as string)) done()
    else done(new ParleyError('NOT_FOUND', 'there is no WebSocket at this address'))
  })
}

/** ws closes by itself with the code that fits, so that all that is left is to say so. */
function onError(error: Error, socket: WebSocket, request: FastifyRequest): void {
  request.log.debug({ err: error }, 'connection error')
  socket.close(CloseCode.internalError)
}
