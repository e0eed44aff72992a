import type { Random } from './random.js'
import type { Recorder } from './recorder.js'

/** Where Chromium is. */
export const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

/** One client under test, whatever it is made of. It records everything that it does and is told. */
export interface ChaosClient {
  readonly name: string
  /** Rooms that it is in, or is on its way into. */
  readonly rooms: ReadonlySet<string>
  join(room: string): void
  leave(room: string): void
  send(room: string, body: string): void
  /** Some unkindness of its own: breaks its connection, stops reading, joins again. */
  misbehave(): void
  /** What of it the harness waits for at the end of a run. */
  state(): ClientState | Promise<ClientState>
  /** From now on it records who it thinks is in its rooms. */
  watchPresence(): void
  close(): void | Promise<void>
}

export interface ClientState {
  readonly name: string
  readonly user: string
  /** Messages that are neither acknowledged nor given up. */
  readonly pending: number
  readonly rooms: Readonly<Record<string, RoomView>>
}

export interface RoomView {
  readonly epoch: string
  readonly offset: number
  readonly users: readonly string[]
}

/** `stream`: the library over Server-Sent Events and POST. */
export type ClientKind = 'raw' | 'pipelining' | 'library' | 'stream' | 'rest' | 'browser'

export interface ClientOptions {
  readonly name: string
  readonly user: string
  readonly kind: ClientKind
  /** `http://…` of the proxy. */
  readonly url: string
  readonly tokenSeconds: number
  readonly recorder: Recorder
  readonly random: Random
}
