import type { FastifyPluginAsync } from 'fastify'
import { quietLevel } from './log-level.js'

/** `GET /openapi.json`, `GET /asyncapi.json`. */
const documents: FastifyPluginAsync = async (fastify) => {
  const options = { logLevel: quietLevel(fastify.log) }
  fastify.get('/openapi.json', options, async () => fastify.documents.openapi())
  fastify.get('/asyncapi.json', options, async () => fastify.documents.asyncapi())
}

export default documents
