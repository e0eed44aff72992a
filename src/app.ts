import type { SecureServerOptions } from 'node:http2'
import type { Socket } from 'node:net'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { parley } from '../plugins/parley.js'
import tls from '../plugins/tls.js'
import { systemClock } from './clock.js'
import type { WorkerContext } from './cluster/worker-process.js'
import type { Config } from './config.js'
import { ClientErrors } from './connections/client-errors.js'
import { logDestination } from './log-destination.js'
import { logRequest } from './log-request.js'
import { type Certificate, readCertificate } from './tls.js'

/** Longest header block of a request, bytes: room for a token, not for an attack. */
const MAX_HEADER_BYTES = 16_384

/** How long a client may take to send the headers of a request, milliseconds. */
const HEADERS_TIMEOUT = 10_000

/** How often is looked for who took longer, milliseconds: seldom would be many at once. */
const TIMEOUT_CHECK = 100

const HTTP1 = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT,
  requestTimeout: HEADERS_TIMEOUT,
  connectionsCheckingInterval: TIMEOUT_CHECK,
}

/**
 * A ready application, not listening: for the server, for tests and for benchmarks.
 * @param overrides Fastify options that win over the ones derived from the settings.
 * @param worker set in a worker of `parley serve --workers`
 */
export async function buildApp(
  config: Config,
  overrides: FastifyServerOptions = {},
  worker?: WorkerContext,
): Promise<FastifyInstance> {
  const clientErrors = new ClientErrors((code) => app.parley.stats.countRefused('connection', code))
  const onDropped = (lines: number) => app.log.warn({ lines }, 'log lines were left out')
  const certificate = readCertificate(config, systemClock.now())
  const app = Fastify({
    logger: logger(config, onDropped),
    logController: new RequestLog(),
    clientErrorHandler: (error: Error, socket: Socket) => clientErrors.refuse(error, socket),
    trustProxy: trustProxy(config.trustProxy),
    bodyLimit: config.maxMessageBytes,
    routerOptions: { maxParamLength: 2048 },
    forceCloseConnections: true,
    frameworkErrors: refuseAddress,
    requestTimeout: HEADERS_TIMEOUT,
    ...(certificate ? { http2: true, https: overTls(certificate, config) } : { http: HTTP1 }),
    ...overrides,
  } as FastifyServerOptions) as unknown as FastifyInstance
  if (certificate) await app.register(tls, { config, certificate, http1: HTTP1 })
  await app.register(parley, { ...config, ...(worker && { worker }) })
  return app
}

/** Fastify's own answer to an address that cannot be decoded quotes it, with the ticket in it. */
function refuseAddress(_error: FastifyError, { raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.httpVersionMajor < 2) {
    // No hook runs after this one: nobody else would end the socket of a handshake.
    reply.header('connection', 'close').raw.once('finish', () => raw.socket.destroySoon())
  }
  const body = {
    code: 'BAD_FIELD',
    error: 'Bad Request',
    message: 'the address is not a valid URL',
  }
  void reply.code(400).send({ statusCode: 400, ...body })
}

/** HTTP/1.1 and HTTP/2 on one port: the client chooses (ALPN). */
function overTls({ options }: Certificate, { maxHttp2Streams }: Config): SecureServerOptions {
  return {
    ...options,
    allowHTTP1: true,
    handshakeTimeout: HEADERS_TIMEOUT,
    settings: { maxConcurrentStreams: maxHttp2Streams, maxHeaderListSize: MAX_HEADER_BYTES },
  }
}

/**
 * One line a request, when it is done. None for who is over a rate limit: that must not become a
 * flood of lines as well; the metrics count it.
 */
class RequestLog extends LogController {
  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, 'incoming request')
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const details = { req: request, res: reply, responseTime: reply.elapsedTime }
    if (error) request.log.error({ ...details, err: error }, 'request failed')
    else if (reply.statusCode === 429) request.log.debug(details, 'request refused')
    else request.log.info(details, 'request completed')
  }
}

/** JSON lines, or readable ones where a person looks at a terminal in development. */
export function logger({ logLevel, nodeEnv }: Config, onDropped: (lines: number) => void) {
  const pretty = process.stdout.isTTY && nodeEnv !== 'production'
  return {
    level: logLevel,
    serializers: { req: logRequest },
    ...(pretty
      ? {
          transport: {
            target: 'pino-pretty',
            options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' },
          },
        }
      : { stream: logDestination(process.stdout.fd, onDropped) }),
  }
}

function trustProxy(setting: string): boolean | number | string {
  if (setting === 'true' || setting === 'false') return setting === 'true'
  return /^\d+$/.test(setting) ? Number(setting) : setting
}
