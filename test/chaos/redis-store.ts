import { setTimeout as sleep } from 'node:timers/promises'
import { RedisServer } from '../helpers/redis.js'
import { TcpProxy } from './proxy.js'
import type { Fault } from './schedule.js'

/** Redis with a file that every write is in before it is answered, and a proxy before it for each server. */
export class RedisStore {
  #redis: RedisServer | undefined
  readonly #proxies: TcpProxy[] = []
  /** Redis' life is changed by one fault at a time. */
  #lifecycle: Promise<void> = Promise.resolve()

  /** Where a server finds it. To be called before `start`. */
  async url(): Promise<string> {
    const proxy = await TcpProxy.listen()
    this.#proxies.push(proxy)
    return `redis://127.0.0.1:${proxy.port}`
  }

  async start(): Promise<void> {
    const redis = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always'])
    this.#redis = redis
    for (const proxy of this.#proxies) proxy.targets = [redis.port]
  }

  /** Undefined when it was injected, otherwise why it was not. */
  async inject(fault: Fault): Promise<string | undefined> {
    const { kind, ms, target } = fault
    if (kind === 'kill redis' || kind === 'stop redis') {
      this.#lifecycle = this.#lifecycle.then(() => this.#interrupt(kind, ms))
      await this.#lifecycle
      return undefined
    }
    const proxy = this.#proxies[Math.floor(target * this.#proxies.length)] as TcpProxy
    return disturb(proxy, fault)
  }

  /** Takes everything away that was stored. */
  async lose(): Promise<void> {
    this.#lifecycle = this.#lifecycle.then(async () => {
      await this.#redis?.send('FLUSHALL')
    })
    await this.#lifecycle
  }

  async mend(): Promise<void> {
    await this.#lifecycle
    for (const { links } of this.#proxies) for (const link of links) link.heal()
  }

  async end(): Promise<void> {
    for (const proxy of this.#proxies) proxy.close()
    this.#redis?.signal('SIGCONT')
    await this.#redis?.stop()
  }

  async #interrupt(kind: 'kill redis' | 'stop redis', ms: number): Promise<void> {
    if (kind === 'kill redis') await this.#redis?.kill()
    else this.#redis?.signal('SIGSTOP')
    await sleep(ms)
    if (kind === 'kill redis') await this.#redis?.restart()
    else this.#redis?.signal('SIGCONT')
  }
}

/** Disturbs all links of one server to Redis. */
async function disturb(
  proxy: TcpProxy,
  { kind, bytes, ms, up }: Fault,
): Promise<string | undefined> {
  const links = [...proxy.links]
  if (links.length === 0) return 'no link'
  for (const link of links) {
    const pipe = up ? link.up : link.down
    if (kind === 'reset redis links') pipe.resetAfter(bytes)
    else if (kind === 'cut redis one way') pipe.cut = true
    else link.up.cut = link.down.cut = true
  }
  if (kind === 'reset redis links') return undefined
  await sleep(ms)
  for (const link of links) link.heal()
  return undefined
}
