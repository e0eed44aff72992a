/** One family of metrics of Prometheus' text format 0.0.4. */
export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y
const SUFFIXES: Record<string, readonly string[]> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

/**
 * Reads Prometheus' text format as strictly as its description allows: every family once, help and
 * type before its samples, no sample twice.
 * @throws with the line that breaks a rule.
 */
export function parseExposition(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family & { samples: Sample[] }>()
  const seen = new Set<string>()
  let help: RegExpExecArray | null = null
  let family: (Family & { samples: Sample[] }) | undefined
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const fail = (problem: string) => new Error(`${problem}: ${line}`)
    if (line.startsWith('# HELP')) {
      help = HELP.exec(line)
      family = undefined
      if (!help) throw fail('not a HELP line')
    } else if (line.startsWith('#')) {
      const type = TYPE.exec(line)
      if (!type || type[1] !== help?.[1]) throw fail('not a TYPE line of the HELP before it')
      const [, name = '', kind = ''] = type
      if (families.has(name)) throw fail('a family that was there before')
      family = { name, type: kind, help: help?.[2] ?? '', samples: [] }
      families.set(name, family)
    } else {
      const sample = parseSample(line)
      if (!sample || !family) throw fail('not a sample of a family')
      const suffixes = SUFFIXES[family.type] ?? ['']
      const { name } = family
      if (!suffixes.some((suffix) => `${name}${suffix}` === sample.name))
        throw fail('not of its family')
      const identity = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(identity)) throw fail('a sample that was there before')
      seen.add(identity)
      family.samples.push(sample)
    }
  }
  return [...families.values()]
}

function parseSample(line: string): Sample | undefined {
  const [, name, text = '', number] = SAMPLE.exec(line) ?? []
  if (name === undefined) return undefined
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const label = LABEL.exec(text)
    const [, key = '', value = ''] = label ?? []
    if (!label || key in labels) return undefined
    labels[key] = value
  }
  const value = number === '+Inf' ? Infinity : number === '-Inf' ? -Infinity : Number(number)
  if (Number.isNaN(value) && number !== 'NaN') return undefined
  return { name, labels, value }
}
