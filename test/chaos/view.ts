import type { ClientEvent, FinalLog } from './history.js'
import type { Claim } from './room-facts.js'

type Content = Extract<ClientEvent, { type: 'start' | 'message' | 'reset' }>

/** What one client sees of one room: a stretch of the log without hole or repeat. */
export class View {
  readonly client: string
  readonly room: string
  /** The client is a member; everything that is stored has to reach it. */
  live = false
  readonly presence: { readonly at: number; readonly index: number }[] = []
  /** Stretches that the client was told are no longer kept. */
  readonly #gaps: { readonly epoch: string; readonly from: number; readonly index: number }[] = []
  #epoch = ''
  #offset = 0
  /** Index of the event that brought the view to where it is. */
  #last = -1
  readonly #past = new Set<string>()

  constructor(client: string, room: string) {
    this.client = client
    this.room = room
  }

  /** Takes what the client was told next. */
  *take(event: Content, index: number): Generator<Claim> {
    const { epoch, offset } = event
    const events = this.#last < 0 ? [index] : [this.#last, index]
    if (event.type !== 'start' && !this.live) {
      yield this.#claim('unlogged', `was given something outside its membership`, events, index)
    } else if (event.type === 'message') {
      yield* this.#follow(epoch, offset, events, index)
    } else if (event.type === 'reset' && epoch === this.#epoch) {
      // Whether the messages in between are really gone is for the log to say.
      if (offset > this.#offset) this.#gaps.push({ epoch, from: this.#offset + 1, index })
      if (offset < this.#offset) {
        yield this.#claim('twice', `was sent back to ${offset}, having ${this.#offset}`, events)
      }
    } else if (this.#past.has(epoch) && epoch !== this.#epoch) {
      yield this.#claim('epoch', `was sent back to the past epoch ${epoch}`, events)
    }
    if (event.type === 'start') this.live = true
    this.#past.add(epoch)
    this.#epoch = epoch
    this.#offset = offset
    this.#last = index
  }

  /** Compares the view with the log at the end of the run. */
  *checkEnd(log: FinalLog): Generator<Claim> {
    const events = [this.#last]
    if (this.#epoch !== log.epoch) {
      yield this.#claim('behind', `is at epoch ${this.#epoch}, the log at ${log.epoch}`, events)
    } else if (this.#offset < log.offset) {
      yield this.#claim('behind', `ends at ${this.#offset}, the log at ${log.offset}`, events)
    }
    for (const { epoch, from, index } of this.#gaps) {
      if (epoch !== log.epoch || from < log.first) continue
      yield this.#claim('hole', `was told that ${from} is gone, but the log keeps it`, [index])
    }
  }

  *#follow(epoch: string, offset: number, events: number[], index: number): Generator<Claim> {
    const here = `${offset}, having ${this.#offset}`
    if (epoch !== this.#epoch) {
      yield this.#claim('epoch', `was given ${epoch} without notice of it`, events, index)
    } else if (offset > this.#offset + 1) {
      yield this.#claim('hole', `was given ${here}`, events, index)
    } else if (offset <= this.#offset) {
      yield this.#claim('twice', `was given ${here}`, events, index)
    }
  }

  #claim(rule: Claim['rule'], what: string, events: number[], key?: number): Claim {
    const text = `${this.client} in room ${this.room} ${what}`
    return { rule, key: `${this.client} ${this.room} ${key ?? ''}`, text, events }
  }
}
