import pino, { type DestinationStream } from 'pino'

/** Most bytes of log lines that wait for whoever reads them. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

/**
 * Where log lines go, written beside the event loop. A reader that is slower than the log, or
 * stuck, costs at most `maxWaitingBytes`; beyond that lines are left out.
 * @param fd file descriptor to write to
 * @param onDropped told how many were left out, once there is room again
 */
export function logDestination(
  fd: number,
  onDropped: (lines: number) => void,
  maxWaitingBytes = MAX_WAITING_BYTES,
): DestinationStream {
  const destination = pino.destination({ dest: fd, sync: false, maxLength: maxWaitingBytes })
  let dropped = 0
  destination.on('drop', () => dropped++)
  destination.on('drain', () => {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    onDropped(lines)
  })
  return destination
}
