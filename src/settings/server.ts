import Type from 'typebox'
import { choice, integer, MAX_COUNT, optional, text } from './kinds.js'

/** The process and what it listens on. */
export const server = {
  nodeEnv: optional({
    description: '`production`: no guests, no generated key, JSON logs.',
    example: 'production',
  }),
  host: Type.Optional(
    Type.String({
      minLength: 1,
      rule: 'a host name or address',
      description: 'Address to listen on.',
      defaultText: '127.0.0.1; 0.0.0.0 in production',
      example: '0.0.0.0',
    }),
  ),
  port: integer(3000, 0, 65535, {
    description: 'Port to listen on; 0 takes a free one. The log line and `GET /health` say which.',
    example: '8080',
  }),
  workers: Type.String({
    pattern: '^(auto|[1-9]\\d{0,2})$',
    default: '1',
    rule: 'auto or a number from 1 to 999',
    description:
      'Processes that serve clients, on one port: `auto` is one for each core. With more than one, the embedded log is in a process of its own. For `parley serve` only.',
    example: 'auto',
  }),
  logLevel: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', {
    description: 'Least level that is logged. Nothing is logged per message above `debug`.',
    example: 'debug',
  }),
  trustProxy: text('false', {
    description:
      'Whose `X-Forwarded-*` headers count: `true` (anyone’s), `false`, a number of hops, or addresses and subnets, comma-separated.',
    example: '127.0.0.1,10.0.0.0/8',
  }),
  tlsCertFile: optional({
    description:
      'PEM file with the certificate and its chain: https, HTTP/1.1 and HTTP/2 on one port. SIGHUP reads both files again without dropping anyone.',
    defaultText: 'none: http',
    example: '/etc/parley/fullchain.pem',
  }),
  tlsKeyFile: optional({
    description: 'PEM file with the private key of `TLS_CERT_FILE`, without a passphrase.',
    example: '/etc/parley/privkey.pem',
  }),
  hstsSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_COUNT,
      rule: `an integer from 0 to ${MAX_COUNT}`,
      description:
        'How long browsers are to use nothing but https for this host (`Strict-Transport-Security`, sent over https); 0 = not said.',
      unit: 'seconds',
      defaultText: '31536000 in production with `TLS_CERT_FILE`; otherwise 0',
      example: '86400',
    }),
  ),
  maxHttp2Streams: integer(128, 1, 1_000_000, {
    description: 'Requests and WebSockets that one HTTP/2 connection may have open at once.',
    example: '1000',
  }),
}
