const RULE = Symbol('rule')

/**
 * Options of a schema that say its rule in words: the second half of the sentence "`field` must
 * be …". Kept under a symbol, where validators that know only JSON Schema do not see it.
 */
export function rule(words: string): Record<string, unknown> {
  return { [RULE]: words }
}

/** The rule of a schema in words. */
export function ruleOf(schema: object): string {
  return (schema as { [RULE]?: string })[RULE] ?? 'valid'
}
