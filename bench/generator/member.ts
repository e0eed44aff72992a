import type { Connection } from './connection.js'
import { buildFrame, Op } from './frames.js'
import type { Plan } from './plan.js'

/** `@ssssssss.nnnnnnnn.tttttttttttttttt@xxx…`, as in `chat.c`. */
const MARK = /@([0-9a-f]{8})\.([0-9a-f]{8})\.([0-9a-f]{16})@/

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')

/** Microseconds, the same in all processes of a machine. */
export const nowMicros = () => Number(process.hrtime.bigint() / 1000n)

/** A member of a room: what it publishes, and whether what it got is right. */
export class Member {
  readonly connection: Connection
  readonly sender: boolean
  received = 0
  gaps = 0
  repeats = 0
  /** Depends on which messages came, and in which order. */
  order = 0
  pending = 0
  pings = 0
  #sequence = 0
  readonly #next = new Map<number, number>()
  readonly #plan: Plan
  readonly #padding: string

  constructor(plan: Plan, connection: Connection) {
    this.connection = connection
    this.sender = connection.local >= plan.number('members', 1) - plan.number('senders', 1)
    this.#plan = plan
    this.#padding = 'x'.repeat(Math.max(0, plan.number('payload', 128) - 36))
  }

  /** Publishes the next message, due at this time. */
  publish(dueMicros: number): void {
    const { connection } = this
    const id = `${hex(connection.index, 8)}.${hex(this.#sequence++, 8)}`
    const text = this.#plan
      .fill(this.#plan.text('publish'), connection.room, connection.index)
      .replace('{id}', id)
      .replace('{body}', `@${id}.${hex(dueMicros, 16)}@${this.#padding}`)
    const frame = buildFrame(Op.text, Buffer.from(text))
    const cut = this.#plan.flag('split') ? 1 + (this.#sequence % (frame.length - 1)) : 0
    if (cut > 0) {
      connection.send(frame.subarray(0, cut))
      setTimeout(() => connection.send(frame.subarray(cut)), 1)
    } else connection.send(frame)
    this.pending++
  }

  /** Checks a message. Returns when it was due, undefined for what is none. */
  receive(payload: Buffer): { due: number; mine: boolean } | undefined {
    const [, from, number, due] = MARK.exec(payload.toString('latin1')) ?? []
    if (from === undefined) return undefined
    const sender = Number.parseInt(from, 16)
    const sequence = Number.parseInt(number as string, 16)
    const next = this.#next.get(sender) ?? 0
    if (sequence > next) this.gaps += sequence - next
    if (sequence < next) this.repeats++
    else this.#next.set(sender, sequence + 1)
    this.order = (Math.imul(this.order ^ sender, 0x9e3779b1) ^ sequence) | 0
    this.received++
    const mine = sender === this.connection.index
    if (mine) this.pending--
    if (this.#plan.flag('pings') && this.received % 7 === 0) {
      this.connection.send(buildFrame(Op.ping, Buffer.from('ping')))
      this.pings++
    }
    return { due: Number.parseInt(due as string, 16), mine }
  }
}
