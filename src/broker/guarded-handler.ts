import { type BrokerHandler, StoreUnavailable } from './broker.js'

/**
 * A node's handler as a broker calls it: what it throws is its own fault, is reported, and nothing
 * of it comes back into the broker.
 */
export class GuardedHandler {
  readonly #onError: (error: unknown, what: string) => void
  #handler: BrokerHandler | undefined

  constructor(onError: (error: unknown, what: string) => void) {
    this.#onError = onError
  }

  /** From now on events go to this handler; until then to nobody. */
  set(handler: BrokerHandler): void {
    this.#handler = handler
  }

  /** Returns undefined when the handler threw, or when there is none yet. */
  tell<T>(call: (handler: BrokerHandler) => T): T | undefined {
    try {
      return this.#handler && call(this.#handler)
    } catch (error) {
      this.#onError(error, 'a broker handler threw')
      return undefined
    }
  }

  /** The handler's answer to a question. Rejects with `StoreUnavailable` when it has none. */
  async answer(question: string): Promise<string> {
    if (this.#handler === undefined) throw new StoreUnavailable('the broker is not started')
    try {
      return await this.#handler.answer(question)
    } catch (error) {
      this.#onError(error, 'a broker handler threw')
      throw new StoreUnavailable('the question could not be answered', { cause: error })
    }
  }
}
