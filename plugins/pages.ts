import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import helmet from '@fastify/helmet'
import files from '@fastify/static'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'

/** Where `npm run build` puts the pages, seen from the compiled file. */
const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url))

/** A year in milliseconds: the names of assets change with their content. */
const ASSET_MAX_AGE = 31_536_000_000

/**
 * The pages and their assets: `/`, `/echo`, `/admin`, `/docs`. Nothing inline, nothing from elsewhere; the echo
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
  // The build puts .br and .gz files beside the others; nothing is compressed here.
  await fastify.register(files, { root: PUBLIC, serve: false, preCompressed: true })

  fastify.get('/', { prefixTrailingSlash: 'slash', helmet: {} }, (_request, reply) =>
    sendPage(reply, 'index.html'),
  )
  // The page's addresses are relative: without the slash they would miss the prefix.
  if (fastify.prefix !== '') {
    fastify.get('', (_request, reply) => reply.redirect(`${fastify.prefix}/`))
  }
  const echo = { contentSecurityPolicy: contentSecurityPolicy(["'self'", 'ws:', 'wss:']) }
  fastify.get('/echo', { helmet: echo }, (_request, reply) => sendPage(reply, 'echo.html'))
  for (const page of ['admin', 'docs']) {
    fastify.get(`/${page}`, { helmet: {} }, (_request, reply) => sendPage(reply, `${page}.html`))
  }
  fastify.get<{ Params: { '*': string } }>('/assets/*', { helmet: {} }, (request, reply) =>
    // By the options, and not as a header here: a 404 must not be kept for a year.
    reply.sendFile(`assets/${request.params['*']}`, { maxAge: ASSET_MAX_AGE, immutable: true }),
  )
}

export default pages

/** A page is always asked for anew; unchanged, it costs a 304. */
function sendPage(reply: FastifyReply, file: string) {
  return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false })
}

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
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["'none'"],
    },
  }
}
