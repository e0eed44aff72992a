import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { StoreUnavailable } from '../src/broker/broker.js'
import { ParleyError } from '../src/errors.js'
import { opensConnection } from './access.js'

/** Fastify's own errors that have a code in our table. */
const CODES: Readonly<Record<string, ParleyError['code']>> = {
  FST_ERR_VALIDATION: 'BAD_FIELD',
  FST_ERR_CTP_BODY_TOO_LARGE: 'TOO_LARGE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'BAD_JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BAD_JSON',
}

/** Every error of Parley's routes in Fastify's shape, with a code of the table in `src/errors.ts`. */
export default fp(
  async (fastify) => {
    fastify.setErrorHandler(async (error: FastifyError, request, reply) => {
      const known = toParleyError(error)
      if (known.code === 'INTERNAL') request.log.error({ err: error }, 'request failed')
      else if (opensConnection(request)) logRefusal(request, known)
      return sendError(reply, known)
    })
  },
  { name: 'parley-errors', fastify: '5.x' },
)

/** Answers a request that no route is for. */
export function notFound(request: FastifyRequest, reply: FastifyReply) {
  return sendError(reply, new ParleyError('NOT_FOUND', `there is no ${request.method} route here`))
}

function logRefusal(request: FastifyRequest, { code, message }: ParleyError): void {
  const details = { code, reason: message, address: request.ip }
  // Who is over a limit must not fill the log as well; the metrics count it.
  const flood = code === 'RATE_LIMITED' || code === 'TOO_MANY_CONNECTIONS'
  request.log[flood ? 'debug' : 'warn'](details, 'handshake refused')
}

function toParleyError(error: FastifyError): ParleyError {
  if (error instanceof ParleyError) return error
  if (error instanceof StoreUnavailable) {
    const { retryAfter } = error
    return new ParleyError('STORE_UNAVAILABLE', 'the log is not available', { retryAfter })
  }
  const code = CODES[error.code]
  if (code) return new ParleyError(code, error.message, { statusCode: error.statusCode ?? 400 })
  if (error.statusCode && error.statusCode < 500) {
    const { statusCode } = error
    return new ParleyError(statusCode === 404 ? 'NOT_FOUND' : 'BAD_FIELD', error.message, {
      statusCode,
    })
  }
  return new ParleyError('INTERNAL')
}

function sendError(reply: FastifyReply, { statusCode, code, message, retryAfter }: ParleyError) {
  const place = opensConnection(reply.request) ? 'handshake' : 'request'
  reply.server.parley.stats.countRefused(place, code)
  if (code === 'UNAUTHORIZED') reply.header('www-authenticate', challenge(reply.request, message))
  if (code === 'UPGRADE_REQUIRED' && reply.request.raw.httpVersionMajor === 1) {
    reply.headers({ upgrade: 'websocket', connection: 'upgrade, close' })
  }
  // RFC 6455, section 4.4: whoever speaks another version is told which one is spoken here.
  if (code === 'BAD_HANDSHAKE') reply.header('sec-websocket-version', '13')
  // The connection of a refused handshake carries no second request.
  if (reply.request.ws) reply.header('connection', 'close')
  if (retryAfter !== undefined) reply.header('retry-after', Math.ceil(retryAfter / 1000))
  return reply
    .code(statusCode)
    .type('application/json; charset=utf-8')
    .send({ statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message })
}

/** RFC 6750, section 3: a request without any token is told only the scheme. */
function challenge(request: FastifyRequest, message: string): string {
  if (request.tokenMissing) return 'Bearer'
  const description = message.replace(/[^\x20-\x7e]|["\\]/g, "'")
  return `Bearer error="invalid_token", error_description="${description}"`
}
