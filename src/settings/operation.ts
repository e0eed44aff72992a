import Type from 'typebox'
import { flag, integer, MAX_SECONDS } from './kinds.js'

/** How it runs: metrics, the pace of events, how long connections live. */
export const operation = {
  metricsToken: Type.Optional(
    Type.String({
      minLength: 16,
      rule: 'a text of at least 16 characters',
      description: 'The bearer token that `GET /metrics` asks for; anyone may read it without.',
      secret: true,
      example: 'the-output-of-openssl-rand-hex-16',
    }),
  ),
  tracing: flag(false, {
    description:
      'A span of OpenTelemetry for each request and handshake. Needs `@fastify/otel` and a tracer provider, see [operations](operations.md#traces).',
  }),
  flushMs: integer(0, 0, 100, {
    description:
      'A room that is busy writes to its members at most once in so long; a quiet one writes at once. Messages of a busy room arrive up to so much later, at a fraction of the cost. 0 = every turn of the event loop.',
    unit: 'milliseconds',
    example: '5',
  }),
  directWrites: flag(true, {
    description:
      'Write to plain TCP sockets past Node’s stream layer, which costs less for every member of a room. Used only where a look at the first sockets shows that it works; `false` never does.',
  }),
  heartbeatSeconds: integer(25, 0, MAX_SECONDS, {
    description:
      'Interval of pings; a connection from which nothing came for two intervals is dropped. 0 = never.',
    unit: 'seconds',
    example: '30',
  }),
  idleTimeoutSeconds: integer(300, 0, MAX_SECONDS, {
    description: 'Close a connection from which no data message came for so long. 0 = never.',
    unit: 'seconds',
    example: '110',
  }),
  drainSeconds: integer(10, 0, 3600, {
    description: 'Over how long open connections are sent away at shutdown.',
    unit: 'seconds',
    example: '30',
  }),
}
