import { Counter, collectDefaultMetrics, Gauge, Registry } from '@platformatic/prom-client'
import fp from 'fastify-plugin'
import type { RealtimeService } from '../src/service.js'
import { BOUNDS, type LatencyHistogram } from '../src/stats/histogram.js'
import { mergeMetrics } from '../src/stats/merge-metrics.js'
import { VERSION } from '../src/version.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Everything that is measured, in Prometheus' text format. */
    metrics: { readonly contentType: string; text(): Promise<string> }
  }
}

type Sample = readonly [value: number, labels?: Record<string, string>]

/** What `src/stats` counts, as Prometheus metrics: read when they are asked for, not before. */
export default fp(
  async (fastify) => {
    const registry = new Registry()
    const { stats } = fastify.parley
    const { worker } = fastify
    if (worker) registry.setDefaultLabels({ worker: String(worker.number) })
    collectDefaultMetrics({ register: registry })
    addGauges(registry, fastify.parley)
    addCounters(registry, fastify.parley)
    addHistogram(registry, 'append', 'From append to acknowledgement', stats.append)
    addHistogram(registry, 'delivery', 'From stored to written to the members', stats.delivery)
    fastify.decorate('metrics', {
      contentType: registry.contentType,
      text: async () =>
        worker ? mergeMetrics(await worker.measurements()) : await registry.metrics(),
    })
    worker?.measureWith(() => registry.metrics())
    fastify.addHook('onClose', async () => registry.clear())
  },
  { name: 'parley-metrics', fastify: '5.x', dependencies: ['parley-service'] },
)

/** What a process that serves no clients measures of itself, as the samples of a worker. */
export function processMetrics(worker: string): () => Promise<string> {
  const registry = new Registry()
  registry.setDefaultLabels({ worker })
  collectDefaultMetrics({ register: registry })
  return async () => registry.metrics()
}

function addGauges(registry: Registry, parley: RealtimeService): void {
  const { connections, rooms, broker } = parley
  const gauge = adder(registry, Gauge)
  gauge('parley_info', 'Version and broker', () => [[1, { version: VERSION, broker: broker.name }]])
  gauge('parley_connections', 'Open connections', () =>
    (['chat', 'echo'] as const).map((endpoint) => [
      connections.countOfEndpoint(endpoint),
      { endpoint },
    ]),
  )
  gauge('parley_users', 'Users with open connections', () => [[connections.sizes().users]])
  gauge('parley_rooms', 'Rooms with members on this node', () => [[rooms.size]])
  gauge('parley_waiting_connections', 'Connections with actions in a queue', () => [
    [parley.waiting],
  ])
  gauge('parley_buffered_bytes', 'Bytes waiting for clients to take them', () => {
    const { total, largest } = parley.buffered()
    return [
      [total, { of: 'all' }],
      [largest, { of: 'slowest' }],
    ]
  })
  gauge('parley_broker_up', 'Whether messages can be stored', () => [[Number(broker.health().ok)]])
  gauge('parley_draining', 'Whether connections are being sent away', () => [
    [Number(parley.draining)],
  ])
}

function addCounters(registry: Registry, { stats, connections }: RealtimeService): void {
  const counter = adder(registry, Counter)
  const traffic = () => stats.traffic(connections)
  counter('parley_connections_opened_total', 'Connections opened', () => [[stats.opened]])
  counter('parley_connections_closed_total', 'Connections closed, by close code', () =>
    [...stats.closed].map(([code, count]) => [count, { code }]),
  )
  counter('parley_messages_received_total', 'Messages from clients', () => [[traffic().received]])
  counter('parley_messages_sent_total', 'Events to clients', () => [[traffic().sent]])
  counter('parley_received_bytes_total', 'Bytes from clients', () => [[traffic().bytesIn]])
  counter('parley_sent_bytes_total', 'Bytes to clients', () => [[traffic().bytesOut]])
  counter('parley_refusals_total', 'What was refused, by place and error code', () =>
    [...stats.refused].flatMap(([place, codes]) =>
      [...codes].map(([code, count]): Sample => [count, { place, code }]),
    ),
  )
}

/** Adds metrics of one kind whose values are read when someone looks. */
function adder(registry: Registry, Kind: typeof Gauge | typeof Counter) {
  return (name: string, help: string, read: () => Sample[]): void => {
    const labelNames = ['version', 'broker', 'endpoint', 'of', 'code', 'place']
    new Kind({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const [value, labels = {}] of read()) this.inc(labels, value)
      },
    })
  }
}

/** A histogram that counts by itself: the library's own would allocate for every observation. */
function addHistogram(
  registry: Registry,
  what: string,
  help: string,
  histogram: LatencyHistogram,
): void {
  const name = `parley_${what}_duration_seconds`
  const get = async () => {
    let count = 0
    const values = [...histogram.counts].map((inBucket, i) => {
      count += inBucket
      const bound = BOUNDS[i]
      const le = bound === undefined ? '+Inf' : String(bound / 1000)
      return { metricName: `${name}_bucket`, labels: { le }, value: count }
    })
    const sum = { metricName: `${name}_sum`, labels: {}, value: histogram.sum / 1000 }
    const total = { metricName: `${name}_count`, labels: {}, value: count }
    return { name, help, type: 'histogram', values: [...values, sum, total], aggregator: 'sum' }
  }
  registry.registerMetric({ name, get } as unknown as Gauge)
}
