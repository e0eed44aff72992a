import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { TObject } from 'typebox'
import { parseEvent, parseResult, type RequestName } from '../../client/wire.js'
import { EventSchemas } from '../../src/protocol/events.js'
import { ResultSchemas } from '../../src/protocol/results.js'
import { GARBAGE } from './support/storm.js'

type Fields = Record<string, unknown>

/** The simplest value that fits a schema. */
function example(schema: Record<string, unknown>): unknown {
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (schema.type === 'object') {
    const { properties } = schema as unknown as TObject
    return Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, example(part as never)]),
    )
  }
  if (schema.type === 'array') return []
  if (schema.type === 'integer' || schema.type === 'number') return 1
  return schema.type === 'boolean' ? true : 'x'
}

/** Another value than one that fits. */
const WRONG: Record<string, unknown[]> = {
  string: [undefined, null, 7, [], {}],
  integer: [undefined, null, '1', -1, 1.5, 1e300, []],
  array: [undefined, null, 'x', 7, {}],
}

/** What the client does not look at: it hands it on, or does not use it. */
const UNCHECKED = new Set(['event', 'msg', 'limits', 'recovered', 'more'])

function checkShapes(
  t: Test,
  what: string,
  schema: TObject,
  parse: (fields: Fields) => unknown,
): void {
  const good = example(schema as never) as Fields
  t.doesNotThrow(() => parse(good), what)
  for (const name of schema.required ?? []) {
    if (UNCHECKED.has(name)) continue
    const { type = 'string' } = schema.properties[name] as { type?: string }
    for (const wrong of WRONG[type] ?? []) {
      t.throws(() => parse({ ...good, [name]: wrong }), { code: 'BAD_EVENT' }, `${what}.${name}`)
    }
  }
}

t.test('every event of the protocol is read, and none with a field missing or wrong', (t) => {
  for (const [name, schema] of Object.entries(EventSchemas)) {
    checkShapes(t, name, schema, (fields) => parseEvent(JSON.stringify(fields)))
  }
  t.end()
})

t.test('every result of an action is read, and none with a field missing or wrong', (t) => {
  for (const [name, schema] of Object.entries(ResultSchemas)) {
    checkShapes(t, name, schema, (fields) => parseResult(name as RequestName, fields))
  }
  t.end()
})

t.test('messages and members in a result are read as closely', (t) => {
  const join = example(ResultSchemas.join as never) as Fields
  const message = example(EventSchemas.message as never) as Fields
  const member = { user: 'u', nick: 'n' }
  parseResult('join', { ...join, messages: [message], members: [member] })
  for (const wrong of [null, 7, {}, { ...message, offset: '1' }]) {
    t.throws(() => parseResult('join', { ...join, messages: [message, wrong] }))
  }
  for (const wrong of [null, 7, {}, { ...member, user: 1 }]) {
    t.throws(() => parseResult('join', { ...join, members: [member, wrong] }))
  }
  t.end()
})

t.test('anything else is a BAD_EVENT and nothing worse', (t) => {
  const anything = fc.oneof(fc.json(), fc.string(), fc.constantFrom(...GARBAGE), fc.anything())
  fc.assert(
    fc.property(anything, (data) => {
      try {
        return typeof parseEvent(data).event === 'string'
      } catch (error) {
        return (error as { code?: string }).code === 'BAD_EVENT'
      }
    }),
    { numRuns: 1000 },
  )
  t.end()
})
