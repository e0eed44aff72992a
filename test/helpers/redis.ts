import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { freePort } from './ports.js'

const BINARY = process.env.REDIS_SERVER ?? '/usr/bin/redis-server'

/** Why tests with a real Redis are skipped here; false when they are not. */
export const noRedis: string | false =
  existsSync(BINARY) || process.env.REQUIRE_SERVICES === '1' ? false : `${BINARY} is not installed`

/** A Redis server of our own, in a folder of its own. */
export class RedisServer {
  readonly port: number
  readonly #dir: string
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(port: number, dir: string, settings: readonly string[]) {
    this.port = port
    this.#dir = dir
    this.#settings = settings
  }

  /** Starts one on a free port; `settings` as on the command line: `--appendonly yes`. */
  static async start(settings: readonly string[] = []): Promise<RedisServer> {
    const dir = await mkdtemp(join(tmpdir(), 'parley-redis-'))
    const server = new RedisServer(await freePort(), dir, settings)
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#process?.pid as number
  }

  /** Starts the server again with the data it had. */
  async restart(): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#dir]
    const settings = this.#settings.includes('--save') ? [] : ['--save', '']
    const args = [...fixed, ...settings, ...this.#settings]
    this.#process = spawn(BINARY, args, { stdio: 'ignore' })
    const failed = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`redis-server ended with ${code}`)
    })
    failed.catch(() => {})
    await Promise.race([this.#answers(), failed])
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name)
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#process ?? {}
    if (!this.#process || exitCode != null || signalCode != null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exit
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#dir, { recursive: true, force: true })
  }

  /** Sends one command. */
  async send(...command: string[]): Promise<unknown> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.sendCommand(command)
    } finally {
      client.destroy()
    }
  }

  async #answers(): Promise<void> {
    for (;;) {
      try {
        await this.send('PING')
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

/** A cluster of masters that share the slots. */
export async function startRedisCluster(masters = 3): Promise<RedisServer[]> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const starts = Array.from({ length: masters }, () => RedisServer.start(settings))
  const servers = await Promise.all(starts)
  const size = Math.ceil(16_384 / masters)
  await Promise.all(
    servers.map(async (server, i) => {
      const last = Math.min((i + 1) * size, 16_384) - 1
      await server.send('CLUSTER', 'ADDSLOTSRANGE', String(i * size), String(last))
      await server.send('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
    }),
  )
  for (const { port } of servers.slice(1)) {
    await servers[0]?.send('CLUSTER', 'MEET', '127.0.0.1', String(port))
  }
  for (const server of servers) {
    for (;;) {
      const info = String(await server.send('CLUSTER', 'INFO'))
      const known = info.includes(`cluster_known_nodes:${masters}`)
      if (known && info.includes('cluster_state:ok')) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return servers
}
