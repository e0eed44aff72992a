/** A message that waits to be stored by the server. */
export interface StoredSend {
  readonly room: string
  readonly id: string
  /** The payload as JSON text. */
  readonly json: string
}

/**
 * Where messages wait, so that a reload loses none. All methods may be asynchronous; what they
 * throw is reported as an `error` event with the code `STORE` and stops nothing.
 */
export interface OutboxStore {
  /** What an earlier client of the same user left behind, oldest first. Called once. */
  load(): readonly StoredSend[] | Promise<readonly StoredSend[]>
  /** Called before the message is sent. */
  add(send: StoredSend): void | Promise<void>
  /** Called when the message is stored by the server, or discarded. */
  remove(send: StoredSend): void | Promise<void>
  /** Called when the client is closed; what waits stays for the next client. */
  close?(): void | Promise<void>
}
