import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import helmet from '@fastify/helmet'
import files from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'

/** Where `npm run build` puts the pages, seen from the compiled file. */
const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url))

/** A year: the names of assets change with their content. */
const ASSET_MAX_AGE = 31_536_000

/**
 * The pages and their assets: `/`, `/echo`. Nothing inline, nothing from elsewhere; the echo
 * tester alone may connect to other addresses, because that is what it is for.
 */
const pages: FastifyPluginAsync = async (fastify) => {
  if (!existsSync(PUBLIC)) {
    fastify.log.warn('the pages are not built; npm run build makes them')
    return
  }
  await fastify.register(helmet, {
    global: false,
    hsts: false,
    crossOriginEmbedderPolicy: false,
    contentSecurityPolicy: contentSecurityPolicy(["'self'"]),
  })
  await fastify.register(files, {
    root: PUBLIC,
    serve: false,
    cacheControl: false,
  })

  fastify.get('/', { helmet: {} }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').sendFile('index.html'),
  )
  const echo = { contentSecurityPolicy: contentSecurityPolicy(["'self'", 'ws:', 'wss:']) }
  fastify.get('/echo', { helmet: echo }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').sendFile('echo.html'),
  )
  fastify.get<{ Params: { '*': string } }>('/assets/*', { helmet: {} }, (request, reply) =>
    reply
      .header('cache-control', `public, max-age=${ASSET_MAX_AGE}, immutable`)
      .sendFile(`assets/${request.params['*']}`),
  )
}

export default pages

function contentSecurityPolicy(connectSrc: string[]) {
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  }
}
