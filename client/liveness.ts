import type { Channel } from './channel.js'
import type { Clock } from './clock.js'

/** A timer that is later than this was held up, as in a background tab or a suspended machine. */
const LATE = 1000

/** How long a connection has to show a sign of life after the network came back. */
const PROBE_TIMEOUT = 5000

/** Watches over one connection. */
export interface Liveness {
  /** Something came from the server. */
  heard(): void
  /** Asks now, and does not wait long for the answer: the network may have changed. */
  probe(): void
  stop(): void
}

/**
 * Decides whether a connection is alive. A network does not report a lost connection, and a
 * browser shows no ping frames, so silence is all there is to go by: after one interval of it
 * the client asks, after a second one it gives up. A request without an answer is silence too.
 *
 * Everything is judged by timestamps. A timer that fires late has seen nothing of the time in
 * between: what the socket received may still be queued behind it, so it looks once more.
 *
 * @param interval milliseconds, more than 0
 * @param dead called once when nothing came for two intervals
 */
export function watchLiveness(
  clock: Clock,
  interval: number,
  channel: Pick<Channel, 'send' | 'oldest'>,
  dead: () => void,
): Liveness {
  let heardAt = clock.monotonic()
  let pingedAt = heardAt
  let asked = false
  let deadline = 0
  let lookedAgain = false
  let cancel = () => {}

  function schedule(ms: number): void {
    const due = clock.monotonic() + ms
    cancel()
    cancel = clock.after(ms, () => check(clock.monotonic() - due > LATE))
  }

  function check(late: boolean): void {
    const now = clock.monotonic()
    const overdue = asked && now >= deadline
    if (overdue || now - (channel.oldest() ?? now) >= 2 * interval) {
      if (lookedAgain || !late) {
        dead()
      } else {
        lookedAgain = true
        schedule(LATE)
      }
      return
    }
    // The second half keeps a client that only listens from being closed as idle.
    const quiet = now - heardAt >= interval || now - pingedAt >= 2 * interval
    if (!asked && quiet) ping()
    schedule(Math.max(1, (asked ? deadline : heardAt + interval) - now))
  }

  function ping(): void {
    asked = true
    pingedAt = clock.monotonic()
    deadline = pingedAt + interval
    channel.send({ action: 'ping' })
  }

  schedule(interval)
  return {
    heard() {
      heardAt = clock.monotonic()
      asked = lookedAgain = false
    },
    probe() {
      if (!asked) ping()
      deadline = Math.min(deadline, clock.monotonic() + PROBE_TIMEOUT)
      schedule(PROBE_TIMEOUT)
    },
    stop: () => cancel(),
  }
}
