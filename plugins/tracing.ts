import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, ConfigError } from '../src/config.js'

/** What of the request came before any query: a ticket may stand in that. */
const pathOf = ({ url }: FastifyRequest) => url.split('?', 1)[0] as string

/**
 * A span for each request and handshake, in the trace that its `traceparent` names, where `TRACING`
 * is on. Spans go to whatever tracer provider the process has registered with OpenTelemetry's API;
 * docs/operations.md says how. Without the setting nothing of it is loaded.
 * @throws {ConfigError} when it is on and `@fastify/otel` cannot be loaded.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    if (!config.tracing) return
    const { FastifyOtelInstrumentation } = await loadInstrumentation()
    const instrumentation = new FastifyOtelInstrumentation({
      // A stack for each refusal would be most of what is sent; the log has those that matter.
      recordExceptions: false,
      requestHook: (span, request) => span.setAttribute('url.path', pathOf(request)),
    })
    await fastify.register(instrumentation.plugin())
    // A handshake that got this far is answered by the upgrade, which no hook sees.
    fastify.addHook('preHandler', async (request) => {
      if (!request.ws) return
      const { span } = request.opentelemetry()
      span?.setAttribute('http.response.status_code', 101).end()
    })
  },
  { name: 'parley-tracing', fastify: '5.x' },
)

async function loadInstrumentation() {
  try {
    return (await import('@fastify/otel')).default
  } catch (cause) {
    const message =
      'TRACING is on, but @fastify/otel cannot be loaded: npm install @fastify/otel @opentelemetry/api'
    throw new ConfigError(message, { cause })
  }
}
