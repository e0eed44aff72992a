import { randomFillSync } from 'node:crypto'

/** A pending call that `cancel` prevents. */
export interface Scheduled {
  cancel(): void
}

/**
 * Time, turns and randomness as the core sees them, so that tests and simulations can hand in
 * their own and need not sleep.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number
  /** Monotonic milliseconds since some fixed moment. For intervals and deadlines. */
  monotonic(): number
  /** Calls `task` once, after this turn of the event loop has read its input. */
  defer(task: () => void): void
  /** Calls `task` once, `ms` from now. Does not keep the process alive. */
  after(ms: number, task: () => void): Scheduled
  /** Calls `task` every `ms`. Does not keep the process alive. */
  every(ms: number, task: () => void): Scheduled
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number
  /** A new id of 16 URL-safe characters, 96 bits of randomness. */
  id(): string
}

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  defer: (task) => void setImmediate(task),
  after(ms, task) {
    const timer = setTimeout(task, ms).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, task) {
    const timer = setInterval(task, ms).unref()
    return { cancel: () => clearInterval(timer) }
  },
  random: Math.random,
  id: nextId,
}

/** Bytes of an id, and how many ids' randomness is fetched at once: a call costs as much for all. */
const ID_BYTES = 12
const IDS_AT_ONCE = 256

const randomness = Buffer.allocUnsafe(ID_BYTES * IDS_AT_ONCE)
let used = randomness.length

function nextId(): string {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  const start = used
  used += ID_BYTES
  return randomness.toString('base64url', start, used)
}
