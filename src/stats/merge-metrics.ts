/**
 * Joins what several processes measured, in Prometheus' text format: every metric with its help
 * and type once, then the samples of all. Their labels have to tell them apart.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const metrics = new Map<string, { about: string[]; samples: string[] }>()
  for (const text of texts) {
    let metric: { about: string[]; samples: string[] } | undefined
    let isNew = false
    for (const line of text.split('\n')) {
      if (line.startsWith('# HELP ')) {
        const name = line.split(' ', 3)[2] as string
        metric = metrics.get(name)
        isNew = metric === undefined
        metric ??= { about: [], samples: [] }
        metrics.set(name, metric)
      }
      if (line === '') continue
      if (!line.startsWith('#')) metric?.samples.push(line)
      else if (isNew) metric?.about.push(line)
    }
  }
  const blocks = [...metrics.values()].map(({ about, samples }) => [...about, ...samples, ''])
  return blocks.map((lines) => lines.join('\n')).join('\n')
}
