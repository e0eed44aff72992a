import type { Rule } from './checker.js'
import type { ClientEvent, FinalLog, LoggedMessage } from './history.js'

type Of<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>

/** A violation, and the key under which it is told once. */
export interface Claim {
  readonly rule: Rule
  readonly key: string
  readonly text: string
  readonly events: number[]
}

interface Send {
  readonly client: string
  readonly body: string
  readonly index: number
  /** The newest place in the room that anyone had an acknowledgement of before this was sent. */
  readonly after: { readonly epoch: string; readonly offset: number; readonly index: number }
  answered: boolean
  /** Whether it has to stand after what the same client sent before. */
  ordered: boolean
  ok: { readonly epoch: string; readonly offset: number; readonly index: number } | undefined
}

/** What was said of a place, by whoever said it first. */
interface Stated {
  readonly key: string
  readonly index: number
  body: string | undefined
  /** Index of the acknowledgement, when there was one. */
  acked: number | undefined
}

/** Everything that is known of one room's log, whoever said it; all of it must fit together. */
export class RoomFacts {
  readonly name: string
  /** How many epochs the room may have had. */
  allowed: number
  readonly epochs = new Set<string>()
  readonly #sends = new Map<string, Send>()
  /** By epoch and offset. */
  readonly #places = new Map<string, Map<number, Stated>>()
  /** Offsets by epoch and message. */
  readonly #messages = new Map<string, Map<string, { offset: number; index: number }>>()
  #newest = { epoch: '', offset: 0, index: -1 }

  constructor(name: string, allowed: number) {
    this.name = name
    this.allowed = allowed
  }

  send({ client, id, body }: Of<'send'>, user: string, index: number): void {
    const key = keyOf(user, id)
    if (this.#sends.has(key)) return
    const answers = { answered: false, ordered: true, ok: undefined }
    this.#sends.set(key, { client, body, index, after: this.#newest, ...answers })
  }

  sendAgain(user: string, id: string): void {
    const send = this.#sends.get(keyOf(user, id))
    if (send) send.ordered = false
  }

  fail(user: string, id: string): void {
    const send = this.#sends.get(keyOf(user, id))
    if (send) send.answered = true
  }

  *acknowledge({ id, epoch, offset }: Of<'ok'>, user: string, index: number): Generator<Claim> {
    const key = keyOf(user, id)
    const send = this.#sends.get(key)
    if (send) {
      send.answered = true
      send.ok = { epoch, offset, index }
    }
    if (epoch !== this.#newest.epoch || offset > this.#newest.offset) {
      this.#newest = { epoch, offset, index }
    }
    yield* this.#state(epoch, offset, { key, body: undefined, index, acked: index })
  }

  *give({ id, user, body, epoch, offset }: Of<'message'>, index: number): Generator<Claim> {
    const key = keyOf(user, id)
    yield* this.#state(epoch, offset, { key, body, index, acked: undefined })
  }

  /** Compares what was said with what the log holds in the end. */
  *checkLog(log: FinalLog): Generator<Claim> {
    const held = new Map<number, LoggedMessage>()
    let expected = log.first
    for (const message of log.messages) {
      held.set(message.offset, message)
      if (message.offset !== expected) {
        yield this.#claim('hole', `the log goes from ${expected - 1} to ${message.offset}`, [])
      }
      expected = message.offset + 1
      yield* this.#checkLogged(log.epoch, message)
    }
    if (expected !== log.offset + 1) {
      yield this.#claim('hole', `the log ends at ${expected - 1} and says ${log.offset}`, [])
    }
    for (const [offset, stated] of this.#places.get(log.epoch) ?? []) {
      if (offset >= log.first && !held.has(offset)) yield this.#missing(offset, stated)
    }
  }

  /** Messages of living clients that nothing became of. */
  *unanswered(isAlive: (client: string) => boolean): Generator<Claim> {
    for (const [key, { client, answered, index }] of this.#sends) {
      if (answered || !isAlive(client)) continue
      yield this.#claim('unanswered', `${nameOf(key)} of ${client} got no answer`, [index])
    }
  }

  /** Clients that send in order and whose acknowledged messages stand in another. */
  *misorderedSenders(isOrdered: (client: string) => boolean): Generator<Claim> {
    const last = new Map<string, { epoch: string; offset: number; index: number }>()
    for (const [key, { client, ok, index, ordered }] of this.#sends) {
      if (!ok || !ordered || !isOrdered(client)) continue
      const before = last.get(client)
      if (before && before.epoch === ok.epoch && before.offset > ok.offset) {
        const text = `${nameOf(key)} of ${client} at ${ok.offset} was sent after the one at ${before.offset}`
        yield this.#claim('order', text, [before.index, index, ok.index])
      }
      last.set(client, ok)
    }
  }

  *#checkLogged(epoch: string, { offset, id, user, body }: LoggedMessage): Generator<Claim> {
    const key = keyOf(user, id)
    const send = this.#sends.get(key)
    yield* this.#state(epoch, offset, { key, body, index: -1, acked: undefined })
    if (!send) {
      yield this.#claim('altered', `nobody sent ${nameOf(key)} at ${offset}`, [])
    } else if (send.body !== body) {
      yield this.#claim('altered', `${nameOf(key)} was sent with another body`, [send.index])
    } else if (send.after.epoch === epoch && send.after.offset >= offset) {
      const text = `${nameOf(key)} at ${offset} was sent after ${send.after.offset} was acknowledged`
      yield this.#claim('order', text, [send.after.index, send.index])
    }
  }

  #missing(offset: number, { key, index, acked }: Stated): Claim {
    if (acked === undefined) {
      return this.#claim('unlogged', `${nameOf(key)} was given to a client at ${offset}`, [index])
    }
    return this.#claim('lost', `${nameOf(key)} was acknowledged at ${offset}`, [acked])
  }

  /** Notes that a message stands at a place; says so when something else was said before. */
  *#state(epoch: string, offset: number, stated: Stated): Generator<Claim> {
    const { key, body, index, acked } = stated
    const places = inner(this.#places, epoch)
    const there = places.get(offset)
    if (!there) {
      places.set(offset, stated)
    } else if (there.key !== key) {
      const text = `${nameOf(there.key)} and ${nameOf(key)} both stand at ${offset}`
      yield this.#claim('order', text, [there.index, index])
    } else {
      if (body !== undefined && body !== (there.body ?? body)) {
        yield this.#claim('altered', `${nameOf(key)} has two bodies`, [there.index, index])
      }
      there.body ??= body
      there.acked ??= acked
    }
    const messages = inner(this.#messages, epoch)
    const known = messages.get(key)
    if (!known) {
      messages.set(key, { offset, index })
    } else if (known.offset !== offset) {
      const text = `${nameOf(key)} stands at ${known.offset} and at ${offset}`
      yield this.#claim('twice', text, [known.index, index])
    }
  }

  #claim(rule: Rule, text: string, events: number[]): Claim {
    const shown = events.filter((index) => index >= 0)
    return { rule, key: `${this.name} ${text}`, text: `room ${this.name}: ${text}`, events: shown }
  }
}

const keyOf = (user: string, id: string) => `${user}\u0000${id}`
const nameOf = (key: string) => key.replace('\u0000', '/')

function inner<K, V>(maps: Map<string, Map<K, V>>, key: string): Map<K, V> {
  const found = maps.get(key)
  if (found) return found
  const fresh = new Map<K, V>()
  maps.set(key, fresh)
  return fresh
}
