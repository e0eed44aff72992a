import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getSystemErrorName } from 'node:util'

/**
 * Writing to a plain TCP socket past the stream above it. That layer keeps books for every write
 * and schedules a callback for it, which costs about as much as the kernel takes to send a small
 * frame; a room pays it once per member. This is the one place that uses something of Node that
 * is not documented: the handle below a `net.Socket`. It looks at what it finds before it uses it,
 * and whatever it finds missing or different, the stream's own `write` remains.
 *
 * Order holds, also when both ways are used in turn: below both is libuv's one queue of a socket.
 */

/** The handle below a socket, as far as it is used here. */
interface Handle {
  /** Bytes that the kernel has not taken. */
  readonly writeQueueSize: number
  /** Bytes written since the start, waiting ones included. */
  readonly bytesWritten: number
  /**
   * Writes at once what the kernel takes and queues the rest. Returns 0 or an error of libuv; from
   * Node 26 on, where there are requests only for what waits, the request.
   * @param request of Node's own class; from Node 26 on, null
   */
  writeBuffer(request: WriteRequest | null, bytes: Buffer): number | WriteRequest
  /** As `writeBuffer`, one after the other. @param buffersOnly none of them is a string: true */
  writev(
    request: WriteRequest | null,
    pieces: Buffer[],
    buffersOnly: boolean,
  ): number | WriteRequest
}

/** What libuv's request hangs on while bytes wait. */
interface WriteRequest {
  buffer?: Buffer | Buffer[]
  oncomplete?: () => void
}

type WithHandle = Duplex & { readonly _handle?: Partial<Handle> | null }

export const Written = {
  /** This socket cannot be written to this way now: nothing was written. */
  not: 0,
  /** The kernel has taken everything. */
  all: 1,
  /** Everything will be sent in order, but the peer has not taken it yet. */
  waiting: 2,
} as const
export type Written = (typeof Written)[keyof typeof Written]

/** Writes to the sockets that allow it. */
export class DirectWriter {
  #newRequest: (() => WriteRequest | null) | undefined
  /** Used for every write that ends at once, which leaves it as it was. */
  #request: WriteRequest | null = null
  #attempts = MAX_ATTEMPTS

  /** Whether it is known how to write directly. Never, where the first sockets did not show it. */
  get active(): boolean {
    return this.#newRequest !== undefined
  }

  /** Writes if it can. Never throws. */
  write(socket: Duplex, bytes: Buffer): Written {
    const handle = usableHandle(socket)
    if (handle === undefined) return Written.not
    if (this.#newRequest === undefined) {
      if (this.#attempts-- > 0) this.#watch(handle)
      return Written.not
    }
    return this.#settle(socket, handle, handle.writeBuffer(this.#request, bytes), bytes)
  }

  /** As `write`, two pieces in one write and without joining them first. */
  writeBoth(socket: Duplex, first: Buffer, second: Buffer): Written {
    const handle = this.active ? usableHandle(socket) : undefined
    if (typeof handle?.writev !== 'function') return Written.not
    const pieces = [first, second]
    return this.#settle(socket, handle, handle.writev(this.#request, pieces, true), pieces)
  }

  /** Sees what became of a write. */
  #settle(
    socket: Duplex,
    handle: Handle,
    result: number | WriteRequest,
    bytes: Buffer | Buffer[],
  ): Written {
    if (typeof result === 'number' && result !== 0) {
      socket.destroy(new Error(`write failed: ${getSystemErrorName(result)}`))
      return Written.all
    }
    if (result === 0 && handle.writeQueueSize === 0) return Written.all
    const waiting = typeof result === 'number' ? this.#request : result
    if (waiting !== null) {
      // The request and the bytes are in use until the peer has taken them.
      waiting.buffer = bytes
      waiting.oncomplete = ignore
    }
    this.#request = this.#newRequest?.() ?? null
    return Written.waiting
  }

  /** Sees how the stream does its next write, and does the same from then on. */
  #watch(handle: Handle): void {
    const own: Partial<Handle> = handle
    own.writeBuffer = (request, bytes) => {
      delete own.writeBuffer
      const before = handle.bytesWritten
      const result = handle.writeBuffer(request, bytes)
      const counted = handle.bytesWritten - before === bytes.length
      if (result === 0 && counted) this.#learn(request)
      return result
    }
  }

  #learn(request: WriteRequest | null): void {
    if (request === null) this.#newRequest = () => null
    else if (typeof request === 'object' && request.constructor !== Object) {
      const Request = request.constructor as new () => WriteRequest
      this.#newRequest = () => new Request()
    } else return
    this.#request = this.#newRequest()
  }
}

/** Sockets on which it is tried to see how to write. */
const MAX_ATTEMPTS = 8

/** Called when bytes that waited were taken or dropped: the stream above tells who has to know. */
function ignore(): void {}

/** The handle of a plain TCP socket on which nothing waits. */
function usableHandle(socket: Duplex): Handle | undefined {
  // A class above it, TLS say, does more with what is written.
  if (Object.getPrototypeOf(socket) !== Socket.prototype) return undefined
  if (socket.writableLength > 0 || socket.writableCorked > 0 || !socket.writable) return undefined
  const handle = (socket as WithHandle)._handle
  return handle?.writeQueueSize === 0 && typeof handle.writeBuffer === 'function'
    ? (handle as Handle)
    : undefined
}
