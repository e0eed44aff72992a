import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import { asyncApiDocument } from '../src/documents/asyncapi.js'
import { VERSION } from '../src/version.js'

declare module 'fastify' {
  interface FastifyInstance {
    documents: {
      /** OpenAPI 3.1, of the routes that run. */
      openapi(): object
      /** AsyncAPI 3, of the WebSocket protocol. */
      asyncapi(): object
    }
  }
}

/**
 * The documents of what runs. To be registered before the routes. An application that has
 * @fastify/swagger already keeps its own, which then holds these routes too.
 */
export default fp(
  async (fastify) => {
    if (!fastify.hasDecorator('swagger')) {
      await fastify.register(swagger, {
        hideUntagged: true,
        openapi: {
          openapi: '3.1.0',
          info: {
            title: 'Parley over HTTP',
            version: VERSION,
            description:
              'Rooms, messages and administration beside the WebSocket endpoints `/chat` and `/ws`, which `/asyncapi.json` describes.',
            license: { name: 'MIT', identifier: 'MIT' },
          },
          components: {
            securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
          },
          security: [{ token: [] }],
          tags: [
            { name: 'Rooms', description: 'Rooms, their messages and members' },
            { name: 'Streams', description: 'The chat protocol where no WebSocket opens' },
            { name: 'Tokens', description: 'Ways to a token or past one' },
            { name: 'Users', description: 'Messages to one user or to all' },
            { name: 'Administration', description: 'Needs the scope `admin`' },
            { name: 'Operation', description: 'For probes and monitoring' },
          ],
        },
      })
    }
    fastify.decorate('documents', {
      openapi: () => fastify.swagger(),
      asyncapi: asyncApiDocument,
    })
  },
  { name: 'parley-documents', fastify: '5.x' },
)
