import type { Clock } from './clock.js'
import { drainConnections } from './connections/drain.js'
import type { ConnectionRegistry } from './connections/registry.js'

/** How long a client may take to answer a close frame, milliseconds. */
export const CLOSE_TIMEOUT = 2000

export interface DrainOptions {
  readonly connections: ConnectionRegistry
  readonly clock: Clock
  /** Over how long the open connections are sent away, milliseconds. */
  readonly over: number
}

/** The end of a service, which comes once: it turns new clients away and sends the others away. */
export class Drain {
  /** Resolves when it begins, whoever asked for it. */
  readonly started: Promise<void>
  readonly #options: DrainOptions
  #ended: Promise<void> | undefined
  #onStart: () => void = () => {}

  constructor(options: DrainOptions) {
    this.#options = options
    this.started = new Promise((resolve) => {
      this.#onStart = resolve
    })
  }

  /** Whether new connections are to be turned away. */
  get isOn(): boolean {
    return this.#ended !== undefined
  }

  /** Begins, unless it has begun; resolves when everyone is gone or had the time to be. */
  start(): Promise<void> {
    const { connections, clock, over } = this.#options
    this.#ended ??= drainConnections(connections, clock, over, CLOSE_TIMEOUT)
    this.#onStart()
    return this.#ended
  }

  /** Turns new connections away; the open ones are somebody else's to end. */
  skip(): void {
    this.#ended ??= Promise.resolve()
  }
}
