import { isUtf8 } from 'node:buffer'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Identity } from '../src/auth/identity.js'
import { ParleyError } from '../src/errors.js'
import type { PostResult } from '../src/posts.js'
import { quietLevel } from './log-level.js'
import { refusals } from './schemas.js'

/** Longest body where single messages are shorter, bytes: clients put several into one. */
const MIN_BODY_LIMIT = 65_536

const LINES = 'application/x-ndjson'

const Query = Type.Object({
  connection: Type.String({
    minLength: 1,
    maxLength: 64,
    description: '`connection` of the stream’s `welcome`',
  }),
  sequence: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description:
        'Number of the first action, counted from 1 over the connection. With it nothing is carried out twice or out of order.',
    }),
  ),
})

const description = `One action as \`application/json\`, or one a line as \`${LINES}\`. The answers come in the
stream. Any node takes it. The same \`sequence\` again does nothing again.`

/** `POST /chat/actions`: what a client of `GET /chat/events` has to say. */
const chatActions: FastifyPluginAsyncTypebox = async (fastify) => {
  const { parley } = fastify
  const { maxMessageBytes } = parley.config
  fastify.removeAllContentTypeParsers()
  // Whether it is JSON is up to the protocol's codec, as on a WebSocket.
  const whole = async (_request: FastifyRequest, body: Buffer) => withText([readText(body)])
  const lines = async (_request: FastifyRequest, body: Buffer) =>
    withText(readText(body).split('\n'))
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, whole)
  fastify.addContentTypeParser(LINES, { parseAs: 'buffer' }, lines)

  fastify.post(
    '/chat/actions',
    {
      bodyLimit: Math.max(maxMessageBytes, MIN_BODY_LIMIT),
      logLevel: quietLevel(fastify.log),
      // Actions count against the limit of their connection.
      onRequest: fastify.requireToken,
      errorHandler: async (error, request) => {
        // What is refused counts as a request; that the log is away is nobody's fault.
        if ((error.statusCode ?? 500) < 500) await fastify.limitRequests(request)
        throw error
      },
      schema: {
        tags: ['Streams'],
        summary: 'Send actions for a stream',
        description,
        consumes: ['application/json', LINES],
        querystring: Query,
        response: {
          202: Type.Object({
            received: Type.Integer({ minimum: 0, description: 'Number of the last action taken' }),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      const actions = (request.body ?? []) as readonly string[]
      if (actions.length === 0) throw new ParleyError('BAD_JSON', 'the body holds no action')
      if (actions.some((action) => Buffer.byteLength(action) > maxMessageBytes)) {
        const limit = `${maxMessageBytes} bytes (MAX_MESSAGE_BYTES)`
        throw new ParleyError('TOO_LARGE', `an action may have ${limit}`)
      }
      const { user } = request.identity as Identity
      const answer = await parley.posts.send({ ...request.query, user, actions })
      if (answer.result !== 'taken') throw refusal(answer)
      return reply.code(202).send({ received: answer.received })
    },
  )
}

export default chatActions

function withText(lines: readonly string[]): string[] {
  return lines.filter((line) => line.trim() !== '')
}

function readText(body: Buffer): string {
  if (!isUtf8(body)) throw new ParleyError('BAD_JSON', 'the body is not UTF-8')
  return body.toString()
}

function refusal(answer: Exclude<PostResult, { result: 'taken' }>): ParleyError {
  switch (answer.result) {
    case 'gap':
      return new ParleyError('OUT_OF_ORDER', `the next "sequence" is ${answer.received + 1}`)
    case 'busy': {
      const message = 'earlier posts of this connection are waiting'
      return new ParleyError('RATE_LIMITED', message, { retryAfter: 1000 })
    }
    case 'gone':
      return new ParleyError('NOT_FOUND', 'there is no such stream, or nothing can be posted to it')
  }
}
