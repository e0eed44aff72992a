interface Asked {
  readonly action: string
  readonly room: string
  readonly since?: { readonly offset: number }
}

interface Answer {
  readonly event: 'ok' | 'error'
  readonly id: string
  readonly offset: number
  readonly recovered?: boolean
  readonly messages?: readonly { readonly offset: number }[]
}

/** What a server sends over one connection, checked against what the protocol says of its order. */
export class WireWatch {
  readonly problems: string[] = []
  /** Offset of the last message, by room that was joined over this connection. */
  readonly #rooms = new Map<string, number>()
  /** Actions without an answer, by id. */
  readonly #asked = new Map<string, Asked>()
  #welcomed = false

  /** The client sends an action. */
  up(text: string): void {
    const asked: Asked & { id?: string } = JSON.parse(text)
    if (asked.id !== undefined) this.#asked.set(asked.id, asked)
  }

  /** The server sends an event. */
  down(text: string): void {
    const event = JSON.parse(text)
    const { room, id, offset } = event
    if (!this.#welcomed && event.event !== 'welcome') this.#tell(`${text} before the welcome`)
    switch (event.event) {
      case 'welcome':
        this.#welcomed = true
        return
      case 'ok':
      case 'error':
        if (id !== undefined) this.#answer(event)
        return
      case 'reset':
        if (this.#rooms.has(room)) this.#rooms.set(room, offset)
        else this.#tell(`reset of ${room}, which was not joined`)
        return
      case 'message':
        this.#message(room, offset)
        return
      case 'joined':
      case 'left':
      case 'signal':
        if (!this.#rooms.has(room)) this.#tell(`${event.event} of ${room}, which was not joined`)
    }
  }

  #answer(event: Answer): void {
    const asked = this.#asked.get(event.id)
    if (!asked) {
      this.#tell(`a second answer to ${event.id}`)
      return
    }
    this.#asked.delete(event.id)
    const { action, room, since } = asked
    if (event.event === 'ok' && action === 'leave') this.#rooms.delete(room)
    if (event.event !== 'ok' || action !== 'join') return
    const messages = event.messages ?? []
    for (const [i, message] of messages.entries()) {
      const expected = event.offset - messages.length + 1 + i
      if (message.offset !== expected) this.#tell(`a join of ${room} with a hole at ${expected}`)
    }
    const complete = event.offset - messages.length === since?.offset
    if (event.recovered && !complete) this.#tell(`a join of ${room} that recovered only a part`)
    this.#rooms.set(room, event.offset)
  }

  #message(room: string, offset: number): void {
    const last = this.#rooms.get(room)
    if (last === undefined) this.#tell(`message ${offset} of ${room} before the join's answer`)
    else if (offset !== last + 1) this.#tell(`message ${offset} of ${room} after ${last}`)
    this.#rooms.set(room, offset)
  }

  #tell(problem: string): void {
    this.problems.push(problem)
  }
}
