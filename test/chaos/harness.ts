import { setTimeout as sleep } from 'node:timers/promises'
import type { DataDir } from './data-dir.js'
import type { Link, TcpProxy } from './proxy.js'
import type { Recorder } from './recorder.js'
import type { RedisStore } from './redis-store.js'
import { describe, type Fault, type FaultKind } from './schedule.js'
import type { ServerProcess } from './server-process.js'
import { signToken } from './token.js'
import type { Workers } from './workers.js'

export interface HarnessParts {
  /** The servers; with more than one, all have their rooms in the store. */
  readonly servers: readonly ServerProcess[]
  readonly redis: RedisStore | undefined
  readonly proxy: TcpProxy
  readonly data: DataDir
  readonly workers: Workers
  readonly recorder: Recorder
  readonly rooms: readonly string[]
  /** Starts a process of clients in the place of one that was killed. */
  readonly replaceWorker: () => Promise<void>
}

/** Faults after which another process is the server. */
const REPLACING: ReadonlySet<FaultKind> = new Set(['kill server', 'restart server', 'lose log'])

/** Does to the service what the schedule says, and counts it. */
export class Harness {
  readonly injected = new Map<FaultKind, number>()
  /** Kinds that could not be injected here, and why. */
  readonly skipped = new Map<FaultKind, string>()
  readonly #parts: HarnessParts
  /** The server's life is changed by one fault at a time. */
  #lifecycle: Promise<void> = Promise.resolve()
  readonly #running = new Set<Promise<void>>()
  /** What the harness itself failed at; `mend` throws it, when there is time to clean up. */
  #failure: unknown

  /** How often a server has still to be replaced. */
  #restarts: number

  constructor(parts: HarnessParts, schedule: readonly Fault[]) {
    this.#parts = parts
    this.#restarts = schedule.filter(({ kind }) => REPLACING.has(kind)).length
  }

  /** Has everything running. */
  async start(): Promise<void> {
    await this.#parts.redis?.start()
    await Promise.all(this.#parts.servers.map((server) => this.#start(server)))
  }

  /** Injects a fault; it may last beyond the return. */
  inject(fault: Fault): void {
    const done = this.#inject(fault)
      .then((skipped) => {
        if (skipped) this.skipped.set(fault.kind, skipped)
        else this.injected.set(fault.kind, (this.injected.get(fault.kind) ?? 0) + 1)
      })
      .catch((error) => {
        this.#failure ??= error
      })
      .finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  /** Waits until every fault is over, mends what is still broken, and has the server running. */
  async mend(): Promise<void> {
    await Promise.all(this.#running)
    await this.#lifecycle
    if (this.#failure !== undefined) throw this.#failure
    const { servers, proxy, data, redis } = this.#parts
    data.free()
    for (const link of proxy.links) link.heal()
    await redis?.mend()
    for (const server of servers) {
      server.signal('SIGCONT')
      if (!server.running) await this.#start(server)
    }
  }

  /** Starts the server, however often that takes: its disk may be full. */
  async #start(server: ServerProcess): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await server.start()
        this.#direct()
        if (this.#restarts-- > 0) server.prepare()
        return
      } catch (error) {
        if (tries === 15) throw error
        await sleep(400)
      }
    }
  }

  /** Lets clients reach the servers that run. */
  #direct(): void {
    const { servers, proxy } = this.#parts
    proxy.targets = servers.filter(({ running }) => running).map(({ port }) => port)
  }

  /** Undefined when it was injected, otherwise why it was not. */
  async #inject(fault: Fault): Promise<string | undefined> {
    const { servers, data, workers, recorder, redis } = this.#parts
    recorder.record({ type: 'fault', text: describe(fault) })
    const { kind, ms, target } = fault
    const server = servers[Math.floor(target * servers.length)] as ServerProcess
    switch (kind) {
      case 'lose log':
        if (redis === undefined) await this.#replaceServer(server, kind, ms)
        else {
          recorder.record({ type: 'lost' })
          await redis.lose()
        }
        return undefined
      case 'kill server':
      case 'restart server':
        await this.#replaceServer(server, kind, ms)
        return undefined
      case 'kill worker':
        return signalWorker(server, target, ['SIGCONT', 0, 'SIGKILL'])
      case 'stop worker':
        return signalWorker(server, target, ['SIGSTOP', ms, 'SIGCONT'])
      case 'stop server':
        server.signal('SIGSTOP')
        await sleep(ms)
        server.signal('SIGCONT')
        return undefined
      case 'stall server':
        server.order({ order: 'stall', ms })
        return undefined
      case 'collect garbage':
        server.order({ order: 'collect', megabytes: 20 })
        return undefined
      case 'jump clock':
        server.order({ order: 'jump', seconds: fault.seconds })
        await sleep(ms)
        server.order({ order: 'jump', seconds: 0 })
        return undefined
      case 'fill disk':
        data.fill()
        await sleep(ms)
        data.free()
        return data.unfillable
      case 'erase room':
        return this.#erase(target)
      case 'kill clients':
        if (!(await workers.kill(target))) return 'no process to kill'
        await this.#parts.replaceWorker()
        return undefined
      case 'stop clients':
        workers.pause(target, ms)
        return undefined
      case 'kill redis':
      case 'stop redis':
      case 'cut redis':
      case 'cut redis one way':
      case 'reset redis links':
        return redis?.inject(fault)
      default:
        return this.#disturb(fault)
    }
  }

  #replaceServer(
    server: ServerProcess,
    kind: 'kill server' | 'restart server' | 'lose log',
    ms: number,
  ): Promise<void> {
    this.#lifecycle = this.#lifecycle.then(async () => {
      const { data, recorder } = this.#parts
      if (kind === 'restart server') await server.terminate()
      else await server.kill()
      this.#direct()
      if (kind === 'lose log') {
        recorder.record({ type: 'lost' })
        data.lose()
      }
      await sleep(ms / 4)
      await this.#start(server)
    })
    return this.#lifecycle
  }

  async #erase(target: number): Promise<string | undefined> {
    const { rooms, servers, recorder } = this.#parts
    const room = rooms[Math.floor(target * rooms.length)] as string
    recorder.record({ type: 'erase', room })
    const authorization = `Bearer ${signToken('root', 86_400, { scope: 'admin' })}`
    try {
      const response = await fetch(`http://127.0.0.1:${servers[0]?.port}/rooms/${room}/messages`, {
        method: 'DELETE',
        headers: { authorization },
        signal: AbortSignal.timeout(5000),
      })
      return response.status === 404 ? 'the service has no erasure' : undefined
    } catch {
      // It may be erased or not: the history allows for both.
      return 'the server was away'
    }
  }

  async #disturb({ kind, count, target, bytes, ms, up }: Fault): Promise<string | undefined> {
    const links = [...this.#parts.proxy.links]
    if (links.length === 0) return 'no link'
    const first = Math.floor(target * links.length)
    const chosen = Array.from({ length: Math.min(count, links.length) }, (_, i) => {
      return links[(first + i) % links.length] as Link
    })
    for (const link of chosen) {
      const pipe = up ? link.up : link.down
      if (kind === 'reset links') pipe.resetAfter(bytes)
      else if (kind === 'cut one way') pipe.cut = true
      else if (kind === 'half-open links') link.up.cut = link.down.cut = true
      else link.up.rate = link.down.rate = Math.max(64, bytes)
    }
    if (kind === 'reset links') return undefined
    await sleep(ms)
    for (const link of chosen) {
      if (kind === 'half-open links') link.reset()
      else link.heal()
    }
    return undefined
  }
}

/** Signals one of the processes that a server has started. */
async function signalWorker(
  server: ServerProcess,
  target: number,
  [first, wait, second]: readonly [NodeJS.Signals, number, NodeJS.Signals],
): Promise<string | undefined> {
  const workers = server.workers()
  const pid = workers[Math.floor(target * workers.length)]
  if (pid === undefined) return 'no worker runs'
  try {
    process.kill(pid, first)
    await sleep(wait)
    process.kill(pid, second)
    return undefined
  } catch {
    return 'the worker had just ended'
  }
}
