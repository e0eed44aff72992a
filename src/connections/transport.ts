import type { Batch } from './batch.js'

/**
 * The way to one client, whatever it is made of. Writes never block and never throw; what the
 * peer does not take waits in `buffered`, which the connection holds within its limit.
 */
export interface Transport {
  /** Name for logs and `GET /connections`: `websocket`, `sse` */
  readonly name: string
  /** Whether the peer answers pings, or something else that shows: if not, its silence means nothing. */
  readonly answersPings: boolean
  /** Bytes accepted by `write` that the peer has not taken yet. */
  readonly buffered: number
  /** Bytes received from the peer since the start, of any kind: a sign of life. */
  readonly bytesRead: number
  /** Bytes handed to the network since the start. */
  readonly bytesWritten: number
  /** Sends events in order. Returns false when the peer takes less than it is sent. */
  write(batch: Batch): boolean
  /** As `write` with one after the other, at the cost of one write where that is cheaper. */
  writeBoth(first: Batch, second: Batch): boolean
  /** Sends a transport-level ping, which the peer's transport answers by itself if it can. */
  ping(): void
  /** Calls `drained` once, when everything written was taken or the transport closed. */
  onceDrained(drained: () => void): void
  /** Stops and resumes reading from the peer. */
  pause(): void
  resume(): void
  /** Starts the closing handshake; what is written after it is dropped. */
  close(code: number, reason: string): void
  /** Drops the connection at once. */
  terminate(): void
}
