import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { JWT_SECRET, signToken } from '../helpers/jwt.js'
import { startServer } from '../helpers/server.js'

interface Span {
  readonly name: string
  readonly traceId: string
  readonly attributes: readonly { key: string; value: Record<string, string | number> }[]
}

interface Export {
  readonly resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const TRACER = new URL('../helpers/tracer.js', import.meta.url).href

/** Takes the package away from whoever imports it. */
const WITHOUT_OTEL = `--import=data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module'
  register('data:text/javascript,' + encodeURIComponent(\`
    export async function resolve(name, context, next) {
      if (name === '@fastify/otel') throw new Error('Cannot find package')
      return next(name, context)
    }
  \`))
`)}`

/** A collector of OpenTelemetry, and the texts that it was sent. */
async function startCollector(t: Test) {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const spans = () =>
    bodies
      .map((body) => JSON.parse(body) as Export)
      .flatMap(({ resourceSpans }) => resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans)
      .filter(({ name }) => name === 'request')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { bodies, spans, endpoint }
}

function attribute({ attributes }: Span, name: string): string | number | undefined {
  return Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0]
}

t.test('each request and handshake is a span of its trace, without its token', async (t) => {
  const { bodies, spans, endpoint } = await startCollector(t)
  const server = await startServer(t, {
    JWT_SECRET,
    TRACING: 'true',
    NODE_OPTIONS: `--import=${TRACER}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '50',
  })
  const token = signToken({ sub: 'ann' }, 600)
  const authorization = `Bearer ${token}`
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
  await fetch(`${server.url}/rooms`, { headers: { authorization, traceparent } })
  await fetch(`${server.url}/rooms`, { headers: { authorization: `${authorization}x` } })
  const tickets = `${server.url}/tickets`
  const bought = await fetch(tickets, { method: 'POST', headers: { authorization } })
  const { ticket } = (await bought.json()) as { ticket: string }
  const url = `${server.url.replace('http', 'ws')}/chat`
  const client = new ChatClient(`${url}?ticket=${ticket}`, {})
  await client.event('welcome')
  const seen = () =>
    spans().map((span) => [
      attribute(span, 'url.path'),
      Number(attribute(span, 'http.response.status_code')),
    ])
  while (seen().length < 4) await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(
    seen().sort(),
    [
      ['/rooms', 200],
      ['/rooms', 401],
      ['/tickets', 201],
      ['/chat', 101],
    ].sort(),
  )
  t.equal(spans()[0]?.traceId, TRACE, 'the caller’s trace goes on')
  client.terminate()
  const all = bodies.join()
  for (const secret of [token, ticket]) t.notOk(all.includes(secret), 'no secret is sent')
})

t.test('tracing that is not installed is one clear line', async (t) => {
  const env = { JWT_SECRET, TRACING: 'true', NODE_OPTIONS: WITHOUT_OTEL }
  await t.rejects(startServer(t, env), /parley: TRACING is on.*npm install @fastify\/otel/)
})

t.test('without the setting nothing of it is looked for', async (t) => {
  const server = await startServer(t, { JWT_SECRET, NODE_OPTIONS: WITHOUT_OTEL })
  t.equal((await fetch(`${server.url}/health/ready`)).status, 200)
})
