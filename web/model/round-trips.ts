/** Most messages whose echo is waited for. */
const LIMIT = 256

/** How much of a message tells it from another. */
const PREFIX = 64

/** Finds the echo of each message that was sent, and how long it took. */
export class RoundTrips {
  #waiting: { readonly key: string; readonly at: number }[] = []

  /** A message went out at this time; milliseconds of any clock that does not jump. */
  sent(message: string | Uint8Array, at: number): void {
    this.#waiting = [...this.#waiting.slice(1 - LIMIT), { key: keyOf(message), at }]
  }

  /** A message came in: the milliseconds since it was sent, or undefined when it is no echo. */
  received(message: string | Uint8Array, at: number): number | undefined {
    const key = keyOf(message)
    const index = this.#waiting.findIndex((sent) => sent.key === key)
    const sent = this.#waiting[index]
    if (sent === undefined) return undefined
    // Echoes come in order: what was sent before this one has lost its echo.
    this.#waiting = this.#waiting.slice(index + 1)
    return at - sent.at
  }

  clear(): void {
    this.#waiting = []
  }
}

function keyOf(message: string | Uint8Array): string {
  if (typeof message === 'string') return `text ${message.length} ${message.slice(0, PREFIX)}`
  return `binary ${message.length} ${message.subarray(0, PREFIX).join()}`
}
