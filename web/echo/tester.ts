import { computed, signal } from '@preact/signals'
import { toHex } from '../model/bytes.js'
import { addEntry, type LogEntry } from '../model/log.js'
import { RoundTrips } from '../model/round-trips.js'
import { strings } from '../strings.js'

const words = strings.echo

/** Bytes of a binary message that the log shows. */
const HEX_LIMIT = 1024

const encoder = new TextEncoder()

export type TesterState = 'closed' | 'connecting' | 'open' | 'closing'

export interface Target {
  readonly address: string
  /** Subprotocols to offer. */
  readonly protocols: readonly string[]
  /** Offered as the subprotocol `bearer.<token>`, the one way that a browser has. */
  readonly token: string
}

/** One WebSocket at a time, as the browser has it, and a log of all that happens to it. */
export class Tester {
  readonly state = signal<TesterState>('closed')
  readonly log = signal<readonly LogEntry[]>([])
  readonly stats = computed(() => statsOf(this.log.value))
  readonly #trips = new RoundTrips()
  #socket: WebSocket | undefined

  connect({ address, protocols, token }: Target): void {
    if (this.state.peek() !== 'closed') return
    const offered = token === '' ? [...protocols] : [...protocols, `bearer.${token}`]
    this.#note('connect', words.connecting(address, protocols))
    try {
      this.#listen(new WebSocket(address, offered))
    } catch (error) {
      this.#note('error', error instanceof Error ? error.message : String(error))
    }
  }

  sendText(text: string): void {
    this.#send(text, encoder.encode(text).length, text)
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#send(bytes, bytes.length, toHex(bytes, HEX_LIMIT))
  }

  /** Throws what the browser throws about a code or a reason. */
  close(code: number, reason: string): void {
    if (this.#socket === undefined) return
    this.#socket.close(code, reason)
    this.state.value = 'closing'
    this.#note('close', words.closing(code, reason), 'out')
  }

  clear(): void {
    this.log.value = []
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket
    this.#trips.clear()
    this.state.value = 'connecting'
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.state.value = 'open'
      this.#note('open', words.opened(socket.protocol, socket.extensions))
    }
    socket.onmessage = ({ data }) => this.#receive(data)
    // The browser tells a page nothing more about an error; the close that follows has the code.
    socket.onerror = () => this.#note('error', words.failed)
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#socket = undefined
      this.state.value = 'closed'
      this.#note('close', words.closed(code, reason, wasClean), 'in')
    }
  }

  #send(message: string | Uint8Array<ArrayBuffer>, size: number, content: string): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return
    const type = typeof message === 'string' ? 'text' : 'binary'
    this.#add({ direction: 'out', type, size, content })
    this.#trips.sent(message, performance.now())
    this.#socket.send(message)
  }

  #receive(data: string | ArrayBuffer): void {
    const message = typeof data === 'string' ? data : new Uint8Array(data)
    const roundTrip = this.#trips.received(message, performance.now())
    const echo = roundTrip === undefined ? {} : { roundTrip }
    if (typeof message === 'string') {
      const size = encoder.encode(message).length
      this.#add({ direction: 'in', type: 'text', size, content: message, ...echo })
    } else {
      const content = toHex(message, HEX_LIMIT)
      this.#add({ direction: 'in', type: 'binary', size: message.length, content, ...echo })
    }
  }

  #note(type: LogEntry['type'], content: string, direction: LogEntry['direction'] = 'event'): void {
    this.#add({ direction, type, content })
  }

  #add(entry: Omit<LogEntry, 'id' | 'time'>): void {
    this.log.value = addEntry(this.log.peek(), { ...entry, time: Date.now() })
  }
}

function statsOf(log: readonly LogEntry[]) {
  const trips = log.flatMap(({ roundTrip }) => roundTrip ?? []).sort((a, b) => a - b)
  const messages = log.filter(({ size }) => size !== undefined)
  return {
    sent: messages.filter(({ direction }) => direction === 'out').length,
    received: messages.filter(({ direction }) => direction === 'in').length,
    fastest: trips[0],
    median: trips[Math.floor(trips.length / 2)],
    slowest: trips.at(-1),
  }
}
