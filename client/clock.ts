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

/** A new id, at most 32 digits and dashes: 96 bits of randomness. */
export const randomId = () => crypto.getRandomValues(new Uint32Array(3)).join('-')
