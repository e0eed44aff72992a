type Handler = (...args: never[]) => void

/** Events with typed arguments. A handler that throws disturbs neither the others nor the emitter. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #handlers = new Map<keyof Events, Set<Handler>>()

  /** Calls `handler` on each event of this name until the function that is returned is called. */
  on<Name extends keyof Events>(name: Name, handler: (...args: Events[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers)
    // A function of its own, so that one handler given twice is two subscriptions.
    const entry: Handler = (...args) => handler(...(args as unknown as Events[Name]))
    handlers.add(entry)
    return () => void handlers.delete(entry)
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const handlers = this.#handlers.get(name)
    for (const handler of [...(handlers ?? [])]) {
      if (!handlers?.has(handler)) continue
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
  if (typeof reportError === 'function') reportError(error)
  else {
    queueMicrotask(() => {
      throw error
    })
  }
}
