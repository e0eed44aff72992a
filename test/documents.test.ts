import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import t from 'tap'
import { ACTION_NAMES } from '../src/protocol/actions.js'
import { documents, pages } from './helpers/documents.js'
import { startService } from './helpers/service.js'

const { openapi, asyncapi } = await documents()

/** What the service offers beside its documents, metrics and WebSockets. */
const ROUTES = [
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'GET /chat/events',
  'POST /chat/actions',
  'GET /rooms',
  'GET /rooms/{room}',
  'GET /rooms/{room}/members',
  'DELETE /rooms/{room}/members/{user}',
  'GET /rooms/{room}/messages',
  'POST /rooms/{room}/messages',
  'DELETE /rooms/{room}/messages',
  'GET /connections',
  'GET /connections/{id}',
  'DELETE /connections/{id}',
  'POST /users/{user}/messages',
  'DELETE /users/{user}/connections',
  'POST /broadcast',
  'POST /tickets',
  'POST /guests',
  'POST /revocations',
  'POST /drain',
  'GET /nodes',
  'GET /stats',
]

/** A file of the repository, seen from the compiled test. */
function committed(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
}

t.test('the committed documents are those of what runs: npm run docs writes them', async (t) => {
  t.same(JSON.parse(committed('docs/openapi.json')), openapi)
  t.same(JSON.parse(committed('docs/asyncapi.json')), asyncapi)
  for (const [path, text] of Object.entries(pages())) t.equal(committed(path), text, path)
})

t.test('the OpenAPI document is valid', async (t) => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate({ ...openapi })
  t.equal(valid, true, JSON.stringify(errors))
  t.equal(validator.version, '3.1')
})

t.test('the AsyncAPI document is valid', async (t) => {
  const load = createRequire(import.meta.url)
  const schema = load('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const ajv = new Ajv({ strict: false, logger: false, validateFormats: false })
  const validate = ajv.compile(schema)
  t.equal(validate(asyncapi), true, JSON.stringify(validate.errors?.slice(0, 3)))
  const { operations } = asyncapi as { operations: object }
  for (const name of ACTION_NAMES) t.ok(name in operations, name)
  for (const [, path] of JSON.stringify(asyncapi).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let node: unknown = asyncapi
    for (const key of (path as string).split('/')) node = (node as Record<string, unknown>)?.[key]
    t.ok(node, String(path))
  }
})

t.test('every REST route is in the document, with who may call it', async (t) => {
  const { paths } = openapi as { paths: Record<string, Record<string, { security?: object[] }>> }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const service = await startService(t)
  for (const operation of operations) {
    const [method, path] = operation.split(' ') as [string, string]
    const open = paths[path]?.[method.toLowerCase()]?.security?.length === 0
    const reply = await service.request(method as 'GET', path.replace(/\{\w+\}/g, 'x'), {
      ...(method === 'POST' && { payload: {} }),
    })
    t.equal(reply.statusCode === 401, !open, operation)
  }
  const files = ['/metrics', '/openapi.json', '/asyncapi.json']
  const served = operations.filter((operation) => !files.some((file) => operation.endsWith(file)))
  t.same(served.sort(), ROUTES.sort())
})
