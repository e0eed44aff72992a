import { WebSocket } from 'ws'

/** A client that keeps chatting while others misbehave. */
export class Bystander {
  /** Resolves with the close code. */
  readonly closed: Promise<number>
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (event: { offset: number }) => void>()
  #sent = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('message', (data) => {
      const event = JSON.parse(String(data))
      this.#waiting.get(`${event.event} ${event.id}`)?.(event)
    })
  }

  /** Connects and joins a room of its own. */
  static async connect(url: string, token: string): Promise<Bystander> {
    const headers = { authorization: `Bearer ${token}` }
    const socket = new WebSocket(url, { headers, rejectUnauthorized: false })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const bystander = new Bystander(socket)
    const joined = bystander.#hears('ok join')
    socket.send(JSON.stringify({ action: 'join', id: 'join', room: 'bystanders' }))
    await joined
    return bystander
  }

  /** Whether a message it sends is acknowledged and comes back, both as the next one of the log. */
  async chats(): Promise<boolean> {
    const id = `m${++this.#sent}`
    const heard = Promise.all([this.#hears(`ok ${id}`), this.#hears(`message ${id}`)])
    this.#socket.send(
      JSON.stringify({ action: 'send_to_room', id, room: 'bystanders', msg: this.#sent }),
    )
    const [ok, message] = await heard
    return ok.offset === this.#sent && message.offset === this.#sent
  }

  #hears(what: string): Promise<{ offset: number }> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('the bystander was disconnected'))
      this.#socket.once('close', gone)
      this.#waiting.set(what, (event) => {
        this.#socket.off('close', gone)
        this.#waiting.delete(what)
        resolve(event)
      })
    })
  }
}
