type Handler = (...args: never[]) => void

/** Events with typed arguments. A handler that throws disturbs neither the others nor the emitter. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #handlers = new Map<keyof Events, readonly Handler[]>()

  /** Calls `handler` on each event of this name until the function that is returned is called. */
  on<Name extends keyof Events>(name: Name, handler: (...args: Events[Name]) => void): () => void {
    const handlers = () => this.#handlers.get(name) ?? []
    // A function of its own, so that one handler given twice is two subscriptions.
    const entry = (...args: never[]) => handler(...(args as unknown as Events[Name]))
    this.#handlers.set(name, [...handlers(), entry])
    return () => {
      this.#handlers.set(
        name,
        handlers().filter((other) => other !== entry),
      )
    }
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        handler(...(args as unknown[] as never[]))
      } catch (error) {
        reportUncaught(error)
      }
    }
  }
}

/** Makes an error of the application's code seen where uncaught errors are seen. */
function reportUncaught(error: unknown): void {
  if ('reportError' in globalThis) reportError(error)
  else {
    queueMicrotask(() => {
      throw error
    })
  }
}
