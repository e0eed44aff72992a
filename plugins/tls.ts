import type { Http2SecureServer } from 'node:http2'
import fp from 'fastify-plugin'
import { systemClock } from '../src/clock.js'
import { type Config, ConfigError } from '../src/config.js'
import { type Certificate, readCertificate } from '../src/tls.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Reads the certificate and its key again. New connections get the new one, open ones stay as
     * they are. One that cannot be used is refused with a line in the log; the old one goes on.
     */
    reloadCertificate: () => void
  }
}

export interface TlsOptions {
  readonly config: Config
  /** The certificate that the server was created with. */
  readonly certificate: Certificate
  /** Limits of `node:http` for the side of the server that speaks HTTP/1.1. */
  readonly http1: Partial<Http1Limits>
}

type Http1Limits = Record<
  'headersTimeout' | 'requestTimeout' | 'connectionsCheckingInterval' | 'maxHeaderSize',
  number
>

/** TLS by the settings: renewal of the certificate, HSTS, and the limits of HTTP/1.1 behind it. */
export default fp<TlsOptions>(
  async (fastify, { config, certificate, http1 }) => {
    const server = fastify.server as unknown as Http2SecureServer
    // A server of HTTP/2 takes these as properties, until it listens, and not as options.
    Object.assign(server, http1)

    const say = ({ about, expired }: Certificate, what: string) =>
      fastify.log[expired ? 'warn' : 'info'](
        about,
        expired ? `${what}, but is not valid now` : what,
      )
    say(certificate, 'the TLS certificate is in use')
    fastify.decorate('reloadCertificate', () => {
      try {
        const renewed = readCertificate(config, systemClock.now()) as Certificate
        server.setSecureContext(renewed.options)
        say(renewed, 'the TLS certificate was read again and is in use')
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        const reason = error.message
        fastify.log.error(
          { reason },
          'the new TLS certificate is refused, the old one stays in use',
        )
      }
    })

    const { hstsSeconds } = config
    if (hstsSeconds === 0) return
    // RFC 6797, section 6.1; a subdomain decides for itself.
    fastify.addHook('onRequest', async (_request, reply) => {
      reply.header('strict-transport-security', `max-age=${hstsSeconds}`)
    })
  },
  { name: 'parley-tls', fastify: '5.x' },
)
