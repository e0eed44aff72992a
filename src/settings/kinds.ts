import Type from 'typebox'

/** What a setting is, for parsing, for the documents, and for error messages. */
export interface About {
  readonly description: string
  readonly unit?: string
  readonly example: string
  /** In words, where the default is not a value of its own. */
  readonly defaultText?: string
  /** Its value is never printed. */
  readonly secret?: boolean
}

/** An integer from `minimum` to `maximum`; `value` is the default, here and below. */
export const integer = (value: number, minimum: number, maximum: number, about: About) =>
  Type.Integer({
    minimum,
    maximum,
    default: value,
    rule: `an integer from ${minimum} to ${maximum}`,
    ...about,
  })

/** `true` or `false`. */
export const flag = (value: boolean, about: Omit<About, 'example'>) =>
  Type.Boolean({ default: value, rule: 'true or false', example: String(!value), ...about })

/** One of some words. */
export const choice = <const T extends string[]>(values: [...T], value: T[number], about: About) =>
  Type.Enum(values, { default: value, rule: `one of ${values.join(', ')}`, ...about })

/** A text that is not empty. */
export const text = (value: string, about: About) =>
  Type.String({ minLength: 1, default: value, rule: 'a text', ...about })

/** A text without a default. */
export const optional = (about: About) =>
  Type.Optional(Type.String({ minLength: 1, rule: 'a text', ...about }))

/** Texts, none by default. */
export const list = (about: About) =>
  Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    rule: 'a comma-separated list',
    ...about,
  })

/** The largest timer that Node keeps, in seconds. */
export const MAX_SECONDS = 2_147_483
/** Most of anything that is counted. */
export const MAX_COUNT = 1_000_000_000
