/** Something that takes bytes from anyone. */
export interface Target {
  /** Parts of the paths of the compiled files whose coverage guides the search; none: unguided. */
  readonly guided: readonly string[]
  /** Runs one input. Throws, or rejects, when something is not as it must be. */
  run(input: Buffer): void | Promise<void>
  close?(): Promise<void>
  /** What is worth telling though it is no finding, with how often it was seen. */
  notes?(): Iterable<readonly [what: string, count: number]>
}

/** Throws unless `holds`. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
