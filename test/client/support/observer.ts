import type { Client, ParleyError, Room, SendInfo } from '../../../client/index.js'
import type { FakeServer } from './fake-server.js'

interface Place {
  readonly epoch: string
  readonly offset: number
}

interface Send {
  readonly id: string
  readonly text: string
  info?: SendInfo
  error?: ParleyError
}

/**
 * Watches what a client emits of one room and what becomes of its sends, and says what is wrong
 * with it. It knows the server's log, and nothing of how the client works.
 */
export class Observer {
  readonly room: Room<string>
  readonly problems: string[] = []
  readonly sends: Send[] = []
  readonly #server: FakeServer
  #last: Place | undefined

  constructor(client: Client<string>, name: string, server: FakeServer) {
    this.room = client.room(name)
    this.#server = server
    this.room.on('message', ({ epoch, offset, id, msg }) => {
      if (this.#last && (epoch !== this.#last.epoch || offset !== this.#last.offset + 1)) {
        this.#problem(`${at({ epoch, offset })} was emitted after ${at(this.#last)}`)
      }
      if (this.room.position?.offset !== offset) this.#problem('the position had not moved')
      const stored = this.#stored().find(
        (one) => one.epoch === epoch && one.message.offset === offset,
      )
      if (stored?.message.id !== id || stored.message.msg !== msg) {
        this.#problem(`${at({ epoch, offset })} is not what the log has there`)
      }
      this.#last = { epoch, offset }
    })
    this.room.on('state', (state) => {
      if (state === 'joined') this.#last ??= this.room.position
    })
    this.room.on('reset', ({ epoch, offset, reason }) => {
      this.#checkReset(epoch, reason)
      this.#last = { epoch, offset }
    })
  }

  send(text: string): void {
    const promise = this.room.send(text)
    const send: Send = { id: promise.id, text }
    this.sends.push(send)
    promise.then(
      (info) => {
        send.info = info
      },
      (error) => {
        send.error = error
      },
    )
  }

  /** The next message may be any: the room was left. */
  forget(): void {
    this.#last = undefined
  }

  /** Looks at the whole after the storm. */
  finish(permanent: ReadonlySet<string>): string[] {
    const { epoch, log } = this.#server.room(this.room.name)
    const end = { epoch, offset: log.length }
    if (at(this.room.position) !== at(end)) {
      this.#problem(`the position is ${at(this.room.position)}, the log ends at ${at(end)}`)
    }
    if (this.#last && at(this.#last) !== at(end)) {
      this.#problem(`the last one emitted is ${at(this.#last)}, the log ends at ${at(end)}`)
    }
    if (this.room.outbox.some(({ state }) => state !== 'failed')) this.#problem('sends are left')
    let previous: SendInfo | undefined
    for (const send of this.sends) {
      this.#checkSend(send, permanent)
      if (!send.info) continue
      if (previous?.epoch === send.info.epoch && send.info.offset <= previous.offset) {
        this.#problem(`${send.text} was stored before a message that was sent earlier`)
      }
      previous = send.info
    }
    return this.problems
  }

  #checkReset(epoch: string, reason: 'erased' | 'gap'): void {
    const last = this.#last
    if (reason === 'erased' && epoch === last?.epoch) this.#problem('a reset without a new epoch')
    if (reason === 'gap' && epoch !== last?.epoch) this.#problem('a gap between two epochs')
    if (reason === 'gap' && this.#server.room(this.room.name).first <= (last?.offset ?? 0) + 1) {
      this.#problem('a gap where everything is kept')
    }
  }

  #checkSend({ id, text, info, error }: Send, permanent: ReadonlySet<string>): void {
    const copies = this.#stored().filter(({ message }) => message.id === id)
    const epochs = new Set(copies.map((copy) => copy.epoch))
    if (epochs.size < copies.length) this.#problem(`${text} is stored twice`)
    if (error && !permanent.has(error.code)) this.#problem(`${text} failed with ${error.code}`)
    if (!info && !error) this.#problem(`${text} was never answered`)
    if (!info) return
    const { epoch, offset } = info
    const found = copies.some((copy) => copy.epoch === epoch && copy.message.offset === offset)
    if (!found) this.#problem(`${text} was acknowledged at ${at(info)} and is not there`)
  }

  #stored() {
    return this.#server.stored.filter(({ message }) => message.room === this.room.name)
  }

  #problem(what: string): void {
    this.problems.push(`${this.room.name}: ${what}`)
  }
}

const at = (place: Place | undefined) => (place ? `${place.epoch}/${place.offset}` : 'nowhere')
