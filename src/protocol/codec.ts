import type { TObject } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { ACTION_NAMES, ActionSchemas, type DecodedAction } from './actions.js'
import type { ErrorCode } from './error-codes.js'
import { MAX_MSG_DEPTH } from './limits.js'
import { ActionId } from './names.js'
import { ruleOf } from './rule.js'
import { mayHideMembers, splitSendText } from './send-text.js'

/**
 * Why a message from a client is not an action. A class, because a client can put any field
 * into its object but cannot make it an instance of this.
 */
export class Malformed {
  readonly code: Extract<ErrorCode, 'BAD_JSON' | 'BAD_ACTION' | 'BAD_FIELD'>
  /** Names the field and its rule; holds nothing that the client sent. */
  readonly message: string
  /** The message's own id, where it carried a usable one. */
  readonly id: string | undefined

  constructor(code: Malformed['code'], message: string, id?: string) {
    this.code = code
    this.message = message
    this.id = id
  }
}

interface FieldCheck {
  readonly field: string
  readonly rule: string
  readonly optional: boolean
  readonly validator: Validator
}

const idValidator = Compile(ActionId)

const checks = new Map<string, readonly FieldCheck[]>(
  ACTION_NAMES.map((name) => [name, fieldChecks(ActionSchemas[name])]),
)

/** One check a field, so that an error can say which field broke which rule. */
function fieldChecks(schema: TObject): FieldCheck[] {
  const required = new Set<string>(schema.required)
  return Object.entries(schema.properties)
    .filter(([field]) => field !== 'action')
    .map(([field, type]) => ({
      field,
      rule: ruleOf(type as object),
      optional: !required.has(field),
      validator: Compile(type),
    }))
}

/**
 * Turns one text message into a typed action, or says why it is none. Never throws. A payload
 * (`msg`) is handed on as JSON text, which is what is stored and delivered.
 * Nothing after this checks shapes again. Fields that an action does not know are ignored.
 */
export function decodeAction(text: string): DecodedAction | Malformed {
  const send = splitSendText(text)
  if (send && jsonProblem(send.value) === undefined && !mayHideMembers(send)) {
    return { action: 'send_to_room', id: send.id, room: send.room, msg: send.msg }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return new Malformed('BAD_JSON', 'the message is not valid JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new Malformed('BAD_JSON', 'the message must be a JSON object')
  }
  const fields = value as Record<string, unknown>
  const id = idValidator.Check(fields.id) ? (fields.id as string) : undefined
  const action = fields.action
  const fieldList = typeof action === 'string' ? checks.get(action) : undefined
  if (fieldList === undefined) {
    return new Malformed('BAD_ACTION', `"action" must be one of ${ACTION_NAMES.join(', ')}`, id)
  }
  const problem = firstProblem(fields, fieldList, id)
  if (problem !== undefined) return problem
  if (Object.hasOwn(fields, 'msg')) fields.msg = JSON.stringify(fields.msg)
  return value as DecodedAction
}

function firstProblem(
  fields: Record<string, unknown>,
  fieldList: readonly FieldCheck[],
  id: string | undefined,
): Malformed | undefined {
  for (const { field, rule, optional, validator } of fieldList) {
    if (!Object.hasOwn(fields, field)) {
      if (optional) continue
      return new Malformed('BAD_FIELD', `"${field}" is missing: it must be ${rule}`, id)
    }
    const value = fields[field]
    if (!validator.Check(value)) return new Malformed('BAD_FIELD', `"${field}" must be ${rule}`, id)
    if (field === 'msg') {
      const problem = jsonProblem(value)
      if (problem !== undefined) return new Malformed('BAD_FIELD', `"msg" ${problem}`, id)
    }
  }
  return undefined
}

/**
 * What keeps a parsed JSON value from being sent on unchanged: nesting that other parsers would
 * choke on, or a number like 1e999, which would silently become `null`.
 */
export function jsonProblem(value: unknown, depth = 1): string | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : 'holds a number outside the range of a double'
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > MAX_MSG_DEPTH) return `is nested deeper than ${MAX_MSG_DEPTH} levels`
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = jsonProblem(item, depth + 1)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  for (const key in value) {
    const problem = jsonProblem((value as Record<string, unknown>)[key], depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}
