/** Whether appends work now. */
export type BrokerHealth =
  | { readonly ok: true }
  | {
      readonly ok: false
      /** Milliseconds since 1970. */
      readonly since: number
      readonly reason: string
    }

/** The log cannot take or give messages now: the disk is full, the store broken or away. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  /** When to try again, milliseconds. */
  readonly retryAfter: number

  constructor(reason: string, options?: { cause?: unknown; retryAfter?: number }) {
    super(reason, { cause: options?.cause })
    this.retryAfter = options?.retryAfter ?? 1000
  }
}
