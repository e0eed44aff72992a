import { StoreUnavailable } from '../broker.js'
import type { CallError, CallName } from './items.js'
import type { Link } from './link.js'

interface Pending {
  resolve(result: unknown, text: string): void
  reject(error: Error): void
}

/** Calls, and bytes on their way to the owner, that may wait; more are refused. */
const MAX_PENDING = 100_000
const MAX_QUEUED = 64 * 1024 * 1024

/** A worker's calls to the owner of the log that have not come back. */
export class Calls {
  readonly #link: Link
  readonly #pending = new Map<number, Pending>()
  #numbers = 0
  #whenIdle: (() => void) | undefined

  constructor(link: Link) {
    this.#link = link
  }

  call<T>(name: CallName, args: readonly unknown[], text = ''): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#send(name, args, text, { resolve: (result) => resolve(result as T), reject })
    })
  }

  /** As `call`, for a result that comes with a text. */
  callForText(
    name: CallName,
    args: readonly unknown[],
    sent = '',
  ): Promise<{ result: unknown; text: string }> {
    return new Promise((resolve, reject) => {
      this.#send(name, args, sent, { resolve: (result, text) => resolve({ result, text }), reject })
    })
  }

  /** Tells the owner how many connections a direct message was handed to. */
  handed(number: number, count: number): void {
    this.#link.send(['handed', number, count])
  }

  /** Tells the owner the answer to a question; without one, that there is none. */
  answer(number: number, answer?: string): void {
    this.#link.send(['answer', number, answer !== undefined], answer)
  }

  succeeded(number: number, result: unknown, text: string): void {
    this.#settle(number)?.resolve(result, text)
  }

  failed(number: number, error: CallError): void {
    this.#settle(number)?.reject(errorOf(error))
  }

  /** The owner is gone: what is under way may have been carried out or not. */
  abandon(): void {
    const error = new StoreUnavailable('the process that owns the log is gone')
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
    this.#whenIdle?.()
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    if (this.#pending.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  #send(name: CallName, args: readonly unknown[], text: string, pending: Pending): void {
    if (this.#pending.size >= MAX_PENDING || this.#link.queued > MAX_QUEUED) {
      pending.reject(new StoreUnavailable('too many calls wait for the log'))
      return
    }
    const number = ++this.#numbers
    this.#pending.set(number, pending)
    this.#link.send(['call', number, name, args], text)
  }

  #settle(number: number): Pending | undefined {
    const pending = this.#pending.get(number)
    this.#pending.delete(number)
    if (this.#pending.size === 0) this.#whenIdle?.()
    return pending
  }
}

function errorOf({ name, message, retryAfter }: CallError): Error {
  if (retryAfter !== undefined) return new StoreUnavailable(message, { retryAfter })
  return name === 'RangeError' ? new RangeError(message) : new Error(message)
}
