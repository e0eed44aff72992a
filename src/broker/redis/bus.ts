import type { Clock } from '../../clock.js'
import type { BrokerHandler, Command, DirectMessage } from '../broker.js'
import type { Key, Keys } from './keys.js'
import type { Session } from './session.js'
import type { Shards } from './shards.js'

export interface BusOptions {
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  /** Calls the handler; does not throw. Undefined when it failed. */
  readonly tell: <T>(call: (handler: BrokerHandler) => T) => T | undefined
}

type Event =
  | { readonly kind: 'command'; readonly command: Command }
  | {
      readonly kind: 'direct'
      readonly user: string
      readonly message: DirectMessage
      /** Where to say how many connections got it, and under which number. */
      readonly answer: Key
      readonly number: number
    }

interface Answer {
  readonly number: number
  readonly count: number
}

/** A message to a user whose nodes have not all answered. */
interface Asked {
  /** How many nodes it went to, once that is known. */
  nodes: number | undefined
  answered: number
  connections: number
  done: () => void
}

/** How long the nodes have to say how many connections a message went to, milliseconds. */
const ANSWER_TIME = 500

/** What goes to every node and is not stored: commands, and messages to a user. */
export class Bus {
  readonly #options: BusOptions
  readonly #answers: Key
  readonly #asked = new Map<number, Asked>()
  #numbers = 0

  constructor(options: BusOptions) {
    this.#options = options
    this.#answers = options.keys.answers(options.clock.id())
  }

  /** Listens to what of it is on this session's server. */
  async listen(session: Session): Promise<void> {
    const { shards, keys } = this.#options
    const { bus } = keys
    const listens: Promise<void>[] = []
    if (shards.find(bus.slot) === session) {
      listens.push(session.listen(bus.name, (text) => this.#receive(JSON.parse(text))))
    }
    if (shards.find(this.#answers.slot) === session) {
      listens.push(session.listen(this.#answers.name, (text) => this.#answered(JSON.parse(text))))
    }
    await Promise.all(listens)
  }

  async command(command: Command): Promise<void> {
    await this.#publish({ kind: 'command', command })
  }

  /** Resolves with the number of connections of the nodes that answered in time. */
  async direct(user: string, message: DirectMessage): Promise<number> {
    const number = ++this.#numbers
    const asked: Asked = { nodes: undefined, answered: 0, connections: 0, done: () => {} }
    const all = new Promise<void>((resolve) => {
      asked.done = resolve
    })
    this.#asked.set(number, asked)
    const timeout = this.#options.clock.after(ANSWER_TIME, asked.done)
    try {
      const answer = this.#answers
      // Answers may be here before the number of nodes that were asked.
      asked.nodes = await this.#publish({ kind: 'direct', user, message, answer, number })
      if (asked.answered < asked.nodes) await all
      return asked.connections
    } finally {
      timeout.cancel()
      this.#asked.delete(number)
    }
  }

  #publish(event: Event): Promise<number> {
    const { slot, name } = this.#options.keys.bus
    return this.#options.shards.send(slot, ['SPUBLISH', name, JSON.stringify(event)])
  }

  #receive(event: Event): void {
    const { tell, shards } = this.#options
    if (event.kind === 'command') {
      tell((handler) => handler.command(event.command))
      return
    }
    const { user, message, answer, number } = event
    const count = tell((handler) => handler.direct(user, message)) ?? 0
    const reply: Answer = { number, count }
    shards.send(answer.slot, ['SPUBLISH', answer.name, JSON.stringify(reply)]).catch(() => {
      // Who asked goes on without this answer.
    })
  }

  #answered({ number, count }: Answer): void {
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    asked.connections += count
    asked.answered++
    if (asked.answered === asked.nodes) asked.done()
  }
}
