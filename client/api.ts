import type { Closing, Limits } from '../src/protocol/events.js'
import type { ParleyError } from './errors.js'
import type { Room } from './room-api.js'

/**
 * `idle` → `connecting` → `connected` ⇄ `reconnecting`; `closed` after `close()`, which is for good;
 * `failed` when the server sent the client away for good or `maxRetries` is used up: `connect()`
 * starts over.
 */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed' | 'failed'

/** More about a change of state. */
export interface StateDetail {
  /** When the next try begins, milliseconds since 1970; absent while one is under way. */
  retryAt?: number
  /** Tries to come back since the connection was lost. */
  attempt?: number
  /** Close code that ended the last connection; 1006 also for a refused or failed one. */
  code?: number
  /** What goes with the close code. */
  reason?: string
}

/** What the server says first. */
export interface WelcomeInfo {
  readonly connection: string
  readonly user: string
  readonly nick: string
  readonly version: number
  /** Interval in milliseconds; 0 = none. */
  readonly heartbeat: number
  /** When the token expires, milliseconds since 1970. */
  readonly expires: number
  readonly limits: Limits
}

/** A message to this user alone; not stored. */
export interface DirectMessage<Msg> {
  readonly user: string
  readonly nick: string
  readonly msg: Msg
  /** Milliseconds since 1970, server clock. */
  readonly time: number
}

/** Events of a client, with the arguments that handlers get. */
export interface ClientEvents<Msg> {
  state: [state: ClientState, detail: StateDetail]
  welcome: [welcome: WelcomeInfo]
  direct: [message: DirectMessage<Msg>]
  /** The server is about to close this connection. */
  closing: [closing: Pick<Closing, 'code' | 'reason' | 'reconnect_after'>]
  /** Something went wrong that no call's result tells. */
  error: [error: ParleyError]
}

/** One user's connection to the server, kept alive until `close()`. */
export interface Client<Msg = unknown, Sig = unknown> {
  readonly state: ClientState
  /** User id, as the server read it from the token; undefined until the first welcome. */
  readonly user: string | undefined
  readonly nick: string | undefined
  /** Id of the present connection. */
  readonly connectionId: string | undefined
  /** When the token in use expires, milliseconds since 1970. */
  readonly expires: number | undefined
  /**
   * Connects. Resolves when the server has welcomed this client, however many tries that takes;
   * rejects with `FAILED` or `CLOSED`.
   */
  connect(): Promise<void>
  /** Ends for good: no timer, listener or socket is left. What waits is rejected with `CLOSED`. */
  close(): void
  /** Tries to connect now instead of after the wait. */
  reconnectNow(): void
  /** Calls `handler` on each event of this name until the function that is returned is called. */
  on<Name extends keyof ClientEvents<Msg>>(
    name: Name,
    handler: (...args: ClientEvents<Msg>[Name]) => void,
  ): () => void
  /** The room of this name; the same object for the same name. Joining is up to `room.join()`. */
  room(name: string): Room<Msg, Sig>
  /**
   * Sends to all connections of a user. Not stored and not repeated: rejects with `DISCONNECTED`
   * when the connection is lost before the answer. Resolves with how many connections there were.
   */
  sendToUser(user: string, msg: Msg): Promise<{ connections: number }>
}
