import t, { type Test } from 'tap'
import { mergeMetrics } from '../../src/stats/merge-metrics.js'
import { type Family, parseExposition, type Sample } from '../helpers/exposition.js'
import { startService } from '../helpers/service.js'

/** Units that Prometheus' conventions know, and what is a plain number. */
const BASE_UNITS = /_(seconds|bytes|ratio|info)(_total)?$/
const OTHER_UNITS = /_(ms|milliseconds|us|microseconds|minutes|kb|kib|mb|percent)(_|$)/
/** More values than this of one label are as many as somebody likes to make. */
const MAX_SERIES = 200

t.test('metrics are in the text format, by its conventions', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  await ann.ask('join', { room: 'r"\\\n' }).catch(() => {})
  await ann.ask('join', { room: 'r' })
  for (let n = 0; n < 50; n++) await ann.ask('send_to_room', { room: 'r', msg: n })
  await ann.ask('send_to_room', { room: 'other', msg: 1 })
  for (let n = 0; n < 300; n++) await service.request('GET', `/nowhere${n}`)
  const reply = await service.request('GET', '/metrics')
  t.match(reply.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const families = parseExposition(reply.body)
  t.ok(families.length > 20, `${families.length} families`)
  for (const family of families) {
    const { name, type, help, samples } = family
    t.match(help, /^\S.{5,}/, `${name} says what it is`)
    if (name.startsWith('parley_')) {
      t.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`)
      t.notMatch(name, OTHER_UNITS)
    }
    t.ok(samples.length < MAX_SERIES, `${name} has ${samples.length} series`)
    if (type === 'counter') t.ok(samples.every(({ value }) => value >= 0))
    if (type === 'histogram') checkHistogram(t, family)
  }
  const append = families.find(({ name }) => /append.*_seconds$/.test(name))
  t.equal(append?.samples.find(({ name }) => name.endsWith('_count'))?.value, 50)
  t.ok(families.some(({ name }) => BASE_UNITS.test(name)))
})

/** Buckets grow up to the one of all, which is the count. */
function checkHistogram(t: Test, { name, samples }: Family): void {
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [labels, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Infinity : Number(le)))
    const counts = buckets.map(({ value }) => value)
    const count = own.find((sample) => sample.name === `${name}_count`)?.value
    const ascending = (numbers: number[]) =>
      numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] as number))
    t.ok(ascending(bounds) && ascending(counts), `${name}${labels} grows`)
    t.equal(bounds.at(-1), Infinity)
    t.equal(counts.at(-1), count)
    t.ok(own.some((sample) => sample.name === `${name}_sum`))
  }
}

t.test('what several processes measured is in the text format, too', async (t) => {
  const texts: string[] = []
  for (const worker of ['1', '2']) {
    const service = await startService(t)
    await service.connect('ann')
    const { body } = await service.request('GET', '/metrics')
    texts.push(
      body
        .replace(/^(parley_\w+)(\{?)/gm, (_, name, brace) =>
          brace ? `${name}{worker="${worker}",` : `${name}{worker="${worker}"}`,
        )
        .replace(/^(?!#|parley_).*\n/gm, ''),
    )
  }
  const families = parseExposition(mergeMetrics(texts))
  const connections = families.find(({ name }) => name === 'parley_connections')
  t.same(new Set(connections?.samples.map(({ labels }) => labels.worker)), new Set(['1', '2']))
})

t.test('what is not the text format is not taken for it', async (t) => {
  const wrong = {
    'a sample without a family': 'a 1\n',
    'a type without help': '# TYPE a gauge\na 1\n',
    'an unknown type': '# HELP a A\n# TYPE a number\na 1\n',
    'a sample of another family': '# HELP a A\n# TYPE a gauge\nb 1\n',
    'a family that comes twice':
      '# HELP a A\n# TYPE a gauge\na 1\n# HELP a A\n# TYPE a gauge\na 2\n',
    'a sample that comes twice': '# HELP a A\n# TYPE a gauge\na 1\na 2\n',
    'a label that comes twice': '# HELP a A\n# TYPE a gauge\na{b="1",b="2"} 1\n',
    'a quote that is not escaped': '# HELP a A\n# TYPE a gauge\na{b="""} 1\n',
    'no number': '# HELP a A\n# TYPE a gauge\na one\n',
    'no end of the line': '# HELP a A\n# TYPE a gauge\na 1',
  }
  for (const [name, text] of Object.entries(wrong)) t.throws(() => parseExposition(text), name)
  t.equal(parseExposition('# HELP a A\n# TYPE a gauge\na{b="\\"\\\\\\n"} +Inf\n').length, 1)
})
