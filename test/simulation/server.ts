import type { Identity } from '../../src/auth/identity.js'
import type { Broker } from '../../src/broker/broker.js'
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded.js'
import { createMemoryStore } from '../../src/broker/embedded/memory-store.js'
import type { LogStore } from '../../src/broker/embedded/store.js'
import { type Config, resolveConfig } from '../../src/config.js'
import { ParleyError } from '../../src/errors.js'
import { RealtimeService } from '../../src/service.js'
import type { FinalLog } from '../chaos/history.js'
import type { SimSocket } from './connection.js'
import { FlakyDisk } from './flaky-store.js'
import type { Timeline } from './timeline.js'

interface Life {
  ended: boolean
  readonly service: RealtimeService
  readonly sockets: Set<SimSocket>
}

/** The service, from one process to the next, over one disk. */
export class SimServer {
  readonly disk: FlakyDisk
  /** What the service reported as an error of its own. */
  readonly failures: string[] = []
  /** What the connections had wrong with them. */
  readonly problems: string[] = []
  readonly #timeline: Timeline
  readonly #config: Config
  #store: LogStore = createMemoryStore()
  #life: Life | undefined

  /** `committed` is told of every commit of the log, just before it is readable. */
  constructor(timeline: Timeline, committed: FlakyDisk['committed']) {
    const { random } = timeline
    this.#timeline = timeline
    this.disk = new FlakyDisk(timeline, committed)
    const config = resolveConfig({
      dataDir: ':memory:',
      durability: random.pick(['commit', 'flush']),
      historyMessages: random.pick([20, 200, 10_000]),
      rateLimitMessages: random.pick([0, 20]),
      rateLimitBurst: 20,
      flushMs: random.pick([0, 0, 50]),
      heartbeatSeconds: 4,
      idleTimeoutSeconds: 300,
      drainSeconds: 1,
    })
    // The smaller limit is below what may be set: here messages are short, and slow readers few.
    this.#config = { ...config, maxBufferedBytes: random.pick([1024, 65_536]) }
  }

  get service(): RealtimeService | undefined {
    return this.#life?.service
  }

  get sockets(): SimSocket[] {
    return [...(this.#life?.sockets ?? [])].filter(({ connection }) => !connection.closed)
  }

  async start(): Promise<void> {
    const life = { ended: false, sockets: new Set<SimSocket>() } as Life
    const clock = this.#timeline.serverClock(life)
    const { durability, historyMessages, historySeconds } = this.#config
    const onError = (error: unknown, what: string) => {
      if (!/no space left/.test(String(error))) this.failures.push(`${what}: ${error}`)
    }
    const store = this.disk.view(this.#store, life)
    const options = { store, clock, durability, historyMessages, historySeconds, onError }
    const broker: Broker = createEmbeddedBroker(options)
    const failed = (details: object, message: string) => {
      const { err } = details as { err?: Error }
      if (err?.name !== 'StoreUnavailable') this.failures.push(`${message}: ${err?.stack ?? ''}`)
    }
    Object.assign(life, {
      service: new RealtimeService({
        config: this.#config,
        broker,
        clock,
        log: { info: () => {}, warn: failed, error: failed },
        verifyToken: async (token, expiredFor = 0) => identityOf(token, clock.now() - expiredFor),
      }),
    })
    await life.service.start()
    this.#life = life
  }

  /** SIGKILL: nothing of the process runs any more. `loseData`: its disk is gone too. */
  crash(loseData = false): void {
    const life = this.#life
    if (!life) return
    life.ended = true
    this.#life = undefined
    for (const { connection } of life.sockets) this.#forget(connection.watch.problems)
    for (const { connection } of life.sockets) connection.serverDied()
    this.disk.crash()
    if (loseData) this.#store = createMemoryStore()
  }

  /** SIGTERM: sends everyone away and closes. Resolves when it has ended. */
  async stop(): Promise<void> {
    const life = this.#life
    if (!life) return
    await life.service.drain()
    if (life !== this.#life) return
    await life.service.close()
    if (life !== this.#life) return
    life.ended = true
    this.#life = undefined
    for (const { connection } of life.sockets) connection.serverDied()
  }

  /** A handshake arrives. */
  async knock(socket: SimSocket, token: string): Promise<void> {
    const { connection } = socket
    const life = this.#life
    const identity = life && (await life.service.verify(token).catch(() => undefined))
    if (!life || !identity || life.ended || life.service.draining) {
      connection.refuse()
      return
    }
    const { service } = life
    life.sockets.add(socket)
    // Before `open`, which sends the welcome: on the wire the 101 comes first.
    connection.accept({
      receive: (text) => service.receive(opened, text),
      closed: (code) => {
        life.sockets.delete(socket)
        this.#forget(connection.watch.problems)
        service.closed(opened, code)
      },
    })
    const opened = service.open({
      request: 'simulated',
      endpoint: 'chat',
      identity,
      address: '127.0.0.1',
      transport: connection,
    })
  }

  /** The rooms' logs as they stand. */
  async logs(rooms: readonly string[]): Promise<FinalLog[]> {
    const { broker } = this.service as RealtimeService
    const logs: FinalLog[] = []
    for (const room of rooms) {
      const messages: FinalLog['messages'][number][] = []
      for (let after = 0; ; ) {
        const page = await broker.read(room, { after, limit: 1000, maxLength: 1e9 })
        for (const { offset, json } of page.messages) {
          const { id, user, msg } = JSON.parse(json)
          messages.push({ offset, id, user, body: JSON.stringify(msg) })
        }
        const { epoch, first, offset } = page
        after = messages.at(-1)?.offset ?? offset
        if (page.more) continue
        logs.push({ room, epoch, first, offset, messages })
        break
      }
    }
    return logs
  }

  #forget(problems: string[]): void {
    this.problems.push(...problems.splice(0))
  }
}

/** A token is `user expires`, unsigned: keys are tested elsewhere. */
function identityOf(token: string, now: number): Identity {
  const [user = '', expires] = token.split(' ')
  if (Number(expires) <= now) throw new ParleyError('UNAUTHORIZED', 'the token has expired')
  return {
    user,
    nick: user,
    expires: Number(expires),
    issued: undefined,
    grants: { join: undefined, send: undefined },
    scopes: new Set(),
    tokenId: undefined,
  }
}
