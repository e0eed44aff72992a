import { ParleyError } from './errors.js'
import type { OutboxStore, StoredSend } from './store.js'

/** The application's store of waiting messages; what it throws is reported and stops nothing. */
export class Keeper {
  /** Nothing is sent before what an earlier client left behind is in its outbox. */
  ready: boolean
  readonly #store: OutboxStore | undefined
  readonly #report: (error: ParleyError) => void

  constructor(store: OutboxStore | undefined, report: (error: ParleyError) => void) {
    this.#store = store
    this.#report = report
    this.ready = store === undefined
  }

  /** Hands what an earlier client left behind to `adopt`, oldest first. */
  async load(adopt: (send: StoredSend) => void): Promise<void> {
    await this.#guard(async () => {
      for (const send of (await this.#store?.load()) ?? []) adopt(send)
    })
    this.ready = true
  }

  add(send: StoredSend): void {
    void this.#guard(() => this.#store?.add(send))
  }

  remove(send: StoredSend): void {
    void this.#guard(() => this.#store?.remove(send))
  }

  close(): void {
    void this.#guard(() => this.#store?.close?.())
  }

  async #guard(work: () => unknown): Promise<void> {
    try {
      await work()
    } catch (cause) {
      this.#report(new ParleyError('STORE', `The store: ${cause}`, undefined, cause))
    }
  }
}
