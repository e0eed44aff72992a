/** An event from the server, unvalidated. */
export type AnyEvent = Record<string, unknown> & { event: string }

/** A bare client of the protocol over any way in: keeps every event, and hands them out one by one. */
export abstract class ProtocolClient {
  /** Every event received, oldest first. */
  readonly events: AnyEvent[] = []
  readonly #waiting: { matches: (event: AnyEvent) => boolean; resolve: (e: AnyEvent) => void }[] =
    []
  #taken = 0
  #lastId = 0

  /** Sends an action, or a text as it is. */
  abstract send(message: object | string): void

  /** The next event of this name after the last one handed out. */
  event(name: string): Promise<AnyEvent> {
    return this.#next((event) => event.event === name)
  }

  /** Sends an action with an id of its own and resolves with its `ok` or `error`. */
  async ask(action: string, fields: object = {}): Promise<AnyEvent> {
    const id = `q${++this.#lastId}`
    this.send({ action, id, ...fields })
    return this.reply('id' in fields ? String(fields.id) : id)
  }

  /** Resolves with the `ok` or `error` with this id, the next one that comes. */
  reply(id: string): Promise<AnyEvent> {
    return this.#wait((event) => event.id === id && event.event !== 'message')
  }

  /** All `message` events of a room so far. */
  messages(room: string): AnyEvent[] {
    return this.events.filter((event) => event.event === 'message' && event.room === room)
  }

  /** Resolves once everything that the server sent before now has arrived. */
  async settled(): Promise<void> {
    this.send({ action: 'ping' })
    await this.#wait((event) => event.event === 'pong')
  }

  /** Takes an event from the server. */
  protected received(event: AnyEvent): void {
    this.events.push(event)
    const i = this.#waiting.findIndex(({ matches }) => matches(event))
    if (i >= 0) this.#waiting.splice(i, 1)[0]?.resolve(event)
  }

  #next(matches: (event: AnyEvent) => boolean): Promise<AnyEvent> {
    for (let i = this.#taken; i < this.events.length; i++) {
      const event = this.events[i] as AnyEvent
      if (!matches(event)) continue
      this.#taken = i + 1
      return Promise.resolve(event)
    }
    this.#taken = this.events.length
    return this.#wait(matches).then((event) => {
      this.#taken = Math.max(this.#taken, this.events.indexOf(event) + 1)
      return event
    })
  }

  #wait(matches: (event: AnyEvent) => boolean): Promise<AnyEvent> {
    return new Promise((resolve) => {
      this.#waiting.push({ matches, resolve })
    })
  }
}
