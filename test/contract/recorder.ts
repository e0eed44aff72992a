import type {
  BrokerHandler,
  Command,
  DirectMessage,
  LogMessage,
  PresenceChange,
  RoomSignal,
} from '../../src/broker/broker.js'
import type { Position } from '../../src/protocol/actions.js'

export type Recorded =
  | { readonly event: 'message'; readonly epoch: string; readonly message: LogMessage }
  | { readonly event: 'reset'; readonly position: Position }
  | { readonly event: 'presence'; readonly change: PresenceChange }
  | { readonly event: 'signal'; readonly signal: RoomSignal }

/** A broker handler that keeps what it is told, and lets a test wait for it. */
export class Recorder implements BrokerHandler {
  readonly directs: { user: string; message: DirectMessage }[] = []
  readonly commands: Command[] = []
  readonly questions: string[] = []
  /** Connections that `direct` says a message was handed to. */
  connections = 1
  readonly #rooms = new Map<string, Recorded[]>()
  #waiting: (() => void)[] = []

  events(room: string): Recorded[] {
    const events = this.#rooms.get(room)
    if (events !== undefined) return events
    const fresh: Recorded[] = []
    this.#rooms.set(room, fresh)
    return fresh
  }

  messages(room: string): LogMessage[] {
    return this.events(room).flatMap((e) => (e.event === 'message' ? [e.message] : []))
  }

  offsets(room: string): number[] {
    return this.messages(room).map(({ offset }) => offset)
  }

  presenceOf(room: string): PresenceChange[] {
    return this.events(room).flatMap((e) => (e.event === 'presence' ? [e.change] : []))
  }

  /** Resolves once `condition` holds; it is looked at after each event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  message(room: string, epoch: string, message: LogMessage): void {
    this.#record(room, { event: 'message', epoch, message })
  }

  reset(room: string, position: Position): void {
    this.#record(room, { event: 'reset', position })
  }

  presence(room: string, change: PresenceChange): void {
    this.#record(room, { event: 'presence', change })
  }

  signal(room: string, signal: RoomSignal): void {
    this.#record(room, { event: 'signal', signal })
  }

  direct(user: string, message: DirectMessage): number {
    this.directs.push({ user, message })
    this.#wake()
    return this.connections
  }

  command(command: Command): void {
    this.commands.push(command)
    this.#wake()
  }

  async answer(question: string): Promise<string> {
    if (question === 'fail') throw new Error('this question fails')
    this.questions.push(question)
    return `re: ${question}`
  }

  #record(room: string, event: Recorded): void {
    this.events(room).push(event)
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
