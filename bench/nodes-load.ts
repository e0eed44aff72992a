import { WebSocket } from 'ws'
import { signToken } from '../test/helpers/jwt.js'
import type { Endpoint } from './suite/dialects.js'
import { SECRET } from './suite/tokens.js'

export interface LoadOptions {
  readonly ports: readonly number[]
  readonly endpoint: Endpoint
  readonly rooms: number
  /** Of each room, spread over the ports. */
  readonly members: number
  /** Messages of one room that are on their way at once; a member sends the next when one is back. */
  readonly inFlight: number
}

/** Members of rooms, of whom some send as fast as their messages come back to them. */
export class Load {
  readonly counts = { sent: 0, delivered: 0, faults: 0 }
  readonly #options: LoadOptions
  readonly #sockets: WebSocket[] = []
  #running = false

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Connects and joins everybody, then has the senders send. */
  async start(): Promise<void> {
    const { rooms, members, ports, inFlight } = this.#options
    const senders: (() => void)[] = []
    for (let room = 0; room < rooms; room++) {
      for (let member = 0; member < members; member++) {
        const index = room * members + member
        const port = ports[member % ports.length] as number
        const sender = member < inFlight ? `s${room}-${member}` : undefined
        const send = await this.#join({ room: `room-${room}`, index, port, sender })
        if (send !== undefined) senders.push(send)
      }
    }
    this.#running = true
    for (const send of senders) send()
  }

  stop(): void {
    this.#running = false
    for (const socket of this.#sockets) socket.terminate()
  }

  /** Returns what sends the first message, for a sender. */
  async #join({ room, index, port, sender }: MemberOptions) {
    const { endpoint } = this.#options
    const fill = (text: string, id = '') =>
      text
        .replaceAll('{room}', room)
        .replaceAll('{index}', String(index))
        .replaceAll('{id}', id)
        .replaceAll('{body}', BODY)
        .replaceAll('{token}', () => signToken({ sub: `u${index}` }, 86_400, SECRET))
    const headers: Record<string, string> = {}
    const protocols: string[] = []
    for (const line of endpoint.headers ?? []) {
      const at = line.indexOf(': ')
      const value = fill(line.slice(at + 2))
      if (line.startsWith('Sec-WebSocket-Protocol')) protocols.push(value)
      else headers[line.slice(0, at)] = value
    }
    const socket = new WebSocket(`ws://127.0.0.1:${port}${fill(endpoint.path)}`, protocols, {
      headers,
      perMessageDeflate: false,
    })
    this.#sockets.push(socket)
    const steps = [...(endpoint.steps ?? [])]
    let number = 0
    const send = () => {
      if (!this.#running) return
      this.counts.sent++
      socket.send(fill(endpoint.publish, `${sender}:${number++}`))
    }
    const seen = new Map<string, number>()
    await new Promise<void>((resolve, reject) => {
      const proceed = () => {
        while (steps[0] && 'send' in steps[0])
          socket.send(fill((steps.shift() as { send: string }).send))
        if (steps.length === 0) resolve()
      }
      socket.on('open', proceed)
      socket.on('error', reject)
      socket.on('message', (data) => {
        const text = String(data)
        const step = steps[0]
        if (step && 'expect' in step && text.includes(step.expect)) {
          steps.shift()
          proceed()
        } else if (text === endpoint.textPing?.ping) socket.send(endpoint.textPing.pong)
        else {
          const found = ID.exec(text)
          if (found === null || !text.includes('"message"')) return
          const [, from, n] = found as unknown as [string, string, string]
          this.counts.delivered++
          // Each sender's messages come in its order, each once.
          if (Number(n) !== (seen.get(from) ?? -1) + 1) this.counts.faults++
          seen.set(from, Number(n))
          if (from === sender) send()
        }
      })
    })
    return sender === undefined ? undefined : send
  }
}

interface MemberOptions {
  readonly room: string
  readonly index: number
  readonly port: number
  readonly sender: string | undefined
}

const BODY = 'x'.repeat(100)
const ID = /"id":"(s\d+-\d+):(\d+)"/
