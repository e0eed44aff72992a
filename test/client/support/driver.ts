import {
  type Client,
  type ClientOptions,
  createClient,
  localStorageOutbox,
  type Room,
} from '../../../client/index.js'

/** An emitted message or reset, as JSON can carry it out of a browser. */
export interface Line {
  readonly epoch: string
  readonly offset: number
  readonly user: string
  readonly msg: unknown
}

export interface DriverOptions extends Partial<ClientOptions> {
  readonly url: string | URL
  readonly token: string
  /** Key of an outbox in `localStorage`. */
  readonly outbox?: string
}

/** Drives a client in one room; runs in Node and, loaded as a module, in a browser or a worker. */
export class Driver {
  readonly client: Client
  readonly room: Room
  readonly lines: Line[] = []
  readonly resets: string[] = []
  /** Each change of state with its reason. */
  readonly states: string[] = []
  readonly errors: string[] = []
  #waiting: { count: number; resolve: () => void }[] = []

  constructor({ token, outbox, ...options }: DriverOptions) {
    this.client = createClient({
      getToken: () => token,
      backoff: { base: 100, cap: 500 },
      ...(outbox !== undefined && { store: localStorageOutbox(outbox) }),
      ...options,
    })
    this.client.on('state', (state, { reason = '' }) => this.states.push(`${state} ${reason}`))
    this.client.on('error', ({ code }) => this.errors.push(code))
    this.room = this.client.room('r')
    this.room.on('message', ({ epoch, offset, user, msg }) => {
      this.lines.push({ epoch, offset, user, msg })
      for (const { count, resolve } of this.#waiting) if (this.lines.length >= count) resolve()
    })
    this.room.on('reset', ({ reason }) => this.resets.push(reason))
  }

  async join(history = 0): Promise<void> {
    await this.room.join({ history })
  }

  /** Sends `count` messages at once; resolves with their offsets when all are stored. */
  async burst(name: string, count: number): Promise<number[]> {
    const sends = Array.from({ length: count }, (_, n) => this.room.send(`${name} ${n}`))
    return (await Promise.all(sends)).map(({ offset }) => offset)
  }

  /** Resolves when so many messages were emitted. */
  until(count: number): Promise<void> {
    if (this.lines.length >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve })
    })
  }

  /** Resolves when the client is in this state. */
  async reaches(state: string): Promise<void> {
    while (this.client.state !== state) {
      await new Promise<void>((resolve) => {
        const off = this.client.on('state', () => {
          off()
          resolve()
        })
      })
    }
  }
}

/** What is wrong with what was seen of `bursts` of `count` messages each. */
export function judge(lines: readonly Line[], bursts: readonly string[], count: number): string[] {
  const problems: string[] = []
  for (const [index, { offset }] of lines.entries()) {
    if (offset !== index + 1) problems.push(`line ${index + 1} has offset ${offset}`)
  }
  for (const name of bursts) {
    const numbers = lines.flatMap(({ msg }) => {
      const [of, n] = String(msg).split(' ')
      return of === name ? [Number(n)] : []
    })
    const expected = Array.from({ length: count }, (_, n) => n)
    if (numbers.join() !== expected.join()) problems.push(`of ${name} came ${numbers.join()}`)
  }
  return problems
}
