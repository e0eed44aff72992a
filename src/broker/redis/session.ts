import { createClient, ErrorReply } from '@redis/client'
import type { Clock } from '../../clock.js'
import { LOG_SCRIPTS } from './log-scripts.js'
import { PRESENCE_SCRIPTS } from './presence-scripts.js'
import type { Script } from './script.js'
import { VALUES_SCRIPTS } from './values.js'

/** Where a Redis server is and how to sign in: what a URL says. */
export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

/** Takes what is published on the channels that a session listens to. Does not throw. */
export type OnMessage = (message: string, channel: string) => void

/**
 * Errors after which this server is the wrong one to ask, or has forgotten the scripts: the
 * session ends, and the next one goes to the right place. The command was not carried out.
 */
const ENDS_SESSION = /^(MOVED|ASK|READONLY|NOSCRIPT|NOAUTH|LOADING|MASTERDOWN)\b/

/** How long nothing at all may come from a server that was asked something, milliseconds. */
const SILENCE = 3000
const CONNECT_TIMEOUT = 2000
const MAX_QUEUED_COMMANDS = 200_000

/** One of a session's connections. */
interface Line {
  readonly client: ReturnType<typeof connection>
  /** When something came last, or it was asked last; monotonic milliseconds. */
  heard: number
  /** Whether a question is open. */
  asked: boolean
}

/**
 * Two connections to one server, one for commands and one that listens, which live and die
 * together. It never connects again: whoever wants to go on opens a new one, so that everything
 * after a break starts from what the server says and nothing is resumed by halves.
 */
export class Session {
  readonly server: ServerOptions
  readonly address: string
  /** Why it ended; undefined while it lives. */
  ended: string | undefined
  readonly #clock: Clock
  readonly #commands: Line
  readonly #listener: Line
  readonly #onEnd: (session: Session, reason: string) => void

  private constructor(
    server: ServerOptions,
    clock: Clock,
    onEnd: (session: Session, reason: string) => void,
  ) {
    this.server = server
    this.address = addressOf(server)
    this.#clock = clock
    this.#onEnd = onEnd
    this.#commands = { client: connection(server, this), heard: 0, asked: false }
    this.#listener = { client: connection(server, this), heard: 0, asked: false }
    // Its slot has moved to another server, and only this says so.
    this.#listener.client.on('sharded-channel-moved', () => this.end('a channel has moved'))
  }

  /** Connects and loads the scripts. Rejects when that does not work within a few seconds. */
  static async open(
    server: ServerOptions,
    clock: Clock,
    onEnd: (session: Session, reason: string) => void,
  ): Promise<Session> {
    const session = new Session(server, clock, onEnd)
    const timeout = clock.after(SILENCE, () => session.end('it did not answer'))
    try {
      await Promise.all([session.#commands.client.connect(), session.#listener.client.connect()])
      const scripts = [...LOG_SCRIPTS, ...PRESENCE_SCRIPTS, ...VALUES_SCRIPTS]
      await Promise.all(scripts.map(({ text }) => session.#commands.client.scriptLoad(text)))
      if (session.ended !== undefined) throw new Error(session.ended)
      return session
    } catch (error) {
      session.end(String(error))
      throw error
    } finally {
      timeout.cancel()
    }
  }

  /** Runs a script. Commands of one turn leave together, in the order of the calls. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.send(['EVALSHA', script.sha, String(keys.length), ...keys, ...args])
  }

  async send(command: readonly string[]): Promise<unknown> {
    try {
      const reply = await this.#commands.client.sendCommand(command as string[])
      this.#commands.heard = this.#clock.monotonic()
      return reply
    } catch (error) {
      if (error instanceof ErrorReply && ENDS_SESSION.test(error.message)) this.end(error.message)
      throw error
    }
  }

  async listen(channel: string, onMessage: OnMessage): Promise<void> {
    await this.#listener.client.sSubscribe(channel, (message, from) => {
      this.#listener.heard = this.#clock.monotonic()
      onMessage(message, from)
    })
  }

  async unlisten(channel: string): Promise<void> {
    await this.#listener.client.sUnsubscribe(channel)
  }

  /** To be called every second or so: ends the session when one of its connections is silent. */
  probe(): void {
    for (const line of [this.#commands, this.#listener]) {
      if (!line.asked) this.#ask(line)
      // A process that was suspended reads what has arrived meanwhile before it judges.
      else if (this.#isSilent(line)) {
        this.#clock.defer(() => {
          if (this.#isSilent(line)) this.end(`nothing has come from it for ${SILENCE} ms`)
        })
      }
    }
  }

  #ask(line: Line): void {
    line.asked = true
    line.heard = this.#clock.monotonic()
    line.client.ping().then(
      () => {
        line.asked = false
      },
      (error) => this.end(String(error)),
    )
  }

  #isSilent({ asked, heard }: Line): boolean {
    return asked && this.#clock.monotonic() - heard >= SILENCE
  }

  end(reason: string): void {
    if (this.ended !== undefined) return
    this.ended = reason
    for (const { client } of [this.#commands, this.#listener]) if (client.isOpen) client.destroy()
    this.#onEnd(this, reason)
  }
}

export function addressOf({ host, port }: ServerOptions): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function connection(server: ServerOptions, session: Session) {
  const { host, port, tls, ...rest } = server
  const timing = { connectTimeout: CONNECT_TIMEOUT, reconnectStrategy: false as const }
  const client = createClient({
    ...rest,
    RESP: 2,
    socket: tls ? { host, port, tls: true, ...timing } : { host, port, ...timing },
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED_COMMANDS,
    maintNotifications: 'disabled',
  })
  client.on('error', (error) => session.end(String(error)))
  return client
}
