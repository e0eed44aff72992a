/** Time and chance as the client sees them, so that tests can hand in their own. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number
  /** Monotonic milliseconds since some fixed moment. For intervals and deadlines. */
  monotonic(): number
  /** Calls `task` once, `ms` from now; returns what calls it off. */
  after(ms: number, task: () => void): () => void
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** A new id of 24 characters, 96 bits of randomness. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
