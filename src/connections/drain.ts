import type { Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodeEvent } from '../protocol/encode.js'
import type { Connection } from './connection.js'
import type { ConnectionRegistry } from './registry.js'

const WAVE_MS = 100
const REASON = 'Service restart'

/**
 * Sends every connection away over a stretch of time, so that they do not all come back at once:
 * each is told when to reconnect, spread at random, and is closed with 1012 in its turn.
 * Resolves when nobody is left; who ignores the close is dropped at the deadline.
 * @param over milliseconds over which the connections are closed
 * @param grace milliseconds after that until what is left is dropped
 */
export function drainConnections(
  registry: ConnectionRegistry,
  clock: Clock,
  over: number,
  grace: number,
): Promise<void> {
  const leaving = [...registry]
  for (const connection of leaving) announce(connection, Math.floor(clock.random() * over))
  const start = clock.monotonic()
  const total = leaving.length
  let closed = 0

  return new Promise((resolve) => {
    const wave = () => {
      const elapsed = clock.monotonic() - start
      const due = over > 0 ? Math.ceil((total * (elapsed + WAVE_MS)) / over) : total
      for (; closed < Math.min(due, total); closed++) {
        leaving[closed]?.close(CloseCode.serviceRestart, REASON)
      }
      if (elapsed >= over) {
        // With those whose handshake was under way when the drain began.
        for (const connection of registry) connection.close(CloseCode.serviceRestart, REASON)
      }
      if (elapsed >= over + grace) {
        for (const connection of registry) connection.transport.terminate()
      }
      if (registry.size > 0 && elapsed < over + 2 * grace) return
      timer.cancel()
      resolve()
    }
    const timer = clock.every(WAVE_MS, wave)
    wave()
  })
}

function announce(connection: Connection, reconnectAfter: number): void {
  if (connection.endpoint !== 'chat') return
  connection.send(
    encodeEvent({
      event: 'closing',
      code: CloseCode.serviceRestart,
      reason: REASON,
      reconnect_after: reconnectAfter,
    }),
  )
}
