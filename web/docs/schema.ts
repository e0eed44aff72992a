/** As much of JSON Schema as the documents use. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly default?: unknown
}

/** One line of a table of fields. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly optional: boolean
  readonly about: string
}

/** Fields of an object, those of objects in it under `outer.inner`, those of lists under `list[]`. */
export function fieldsOf(schema: Schema | undefined, prefix = ''): Field[] {
  if (!schema) return []
  const parts = (schema.allOf ?? []).flatMap((part) => fieldsOf(part, prefix))
  const required = new Set(schema.required)
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const line = {
      name: prefix + name,
      type: typeOf(field),
      optional: !required.has(name),
      about: [field.description, boundsOf(field)].filter(Boolean).join('. '),
    }
    const inner = field.items ? fieldsOf(field.items, `${line.name}[].`) : []
    return [line, ...fieldsOf(field, `${line.name}.`), ...inner]
  })
  return [...parts, ...own]
}

function typeOf({ type, const: fixed, enum: options, anyOf, items }: Schema): string {
  if (fixed !== undefined) return JSON.stringify(fixed)
  if (options) return options.map((option) => JSON.stringify(option)).join(' | ')
  if (anyOf) return anyOf.map(typeOf).join(' | ')
  if (items) return `${typeOf(items)}[]`
  if (typeof type === 'string') return type
  return type?.join(' | ') ?? 'any'
}

function boundsOf(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength } = schema
  const parts = [range(minimum, maximum, ''), range(minLength, maxLength, ' characters')]
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`)
  return parts.filter(Boolean).join(', ')
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  // The largest safe integer is no limit that a reader needs to know.
  const top = most === Number.MAX_SAFE_INTEGER ? undefined : most
  if (least !== undefined && top !== undefined) return `${least} to ${top}${unit}`
  if (least) return `at least ${least}${unit}`
  return top === undefined ? '' : `at most ${top}${unit}`
}
