import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { makeCertificate } from './certificate.js'
import { noteOutput } from './evidence.js'
import { startNginx, WITHOUT_UPGRADES } from './nginx.js'
import { OVER_TLS, TRANSPORT } from './transport.js'

const SERVER = fileURLToPath(new URL('../../src/server.js', import.meta.url))

/** How many lines of a server's log are kept for the report of a failure. */
const KEPT_LINES = 200

/** Who is told what is to be done at the end: a test, or a benchmark. */
export interface Teardown {
  teardown(end: () => unknown): unknown
}

/** The real server process, on a port of its own and with a folder of its own. */
export interface ServerProcess {
  /** `http://127.0.0.1:<port>`; stays the same over restarts. */
  readonly url: string
  readonly dataDir: string
  readonly pid: number
  /** The last lines that it wrote. */
  readonly log: readonly string[]
  /** How connections came in, by `transport` of its log's lines, in order of appearance. */
  readonly transports: ReadonlySet<string>
  /** How many lines it has written so far. */
  readonly logged: number
  /** SIGKILL: no handler of the process runs. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>
  /** Resolves with the exit code when it ends by itself. */
  exited(): Promise<number | null>
  /** Starts it again on the same port and folder, after `kill` or `stop`. */
  restart(): Promise<void>
}

/**
 * Starts `server.js` and resolves when it listens. The process and the folder are gone at the
 * test's end.
 * @param env settings besides the folder, which is new; without `PORT` a free one is taken
 */
export async function startServer(
  t: Teardown,
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-'))
  const tls = OVER_TLS ? (await makeCertificate(t)).env : {}
  const settings = { ...tls, ...env, DATA_DIR: dataDir }
  const log: string[] = []
  const transports = new Set<string>()
  let logged = 0
  const start = (port: string) => {
    const child = launch({ ...settings, PORT: port }, log)
    return child.on('logged', (line) => {
      logged++
      const transport = /"transport":"([^"]+)"/.exec(line)?.[1]
      if (transport !== undefined) transports.add(transport)
    })
  }
  let running = start(env.PORT ?? '0')
  t.teardown(async () => {
    await end(running, 'SIGKILL')
    await rm(dataDir, { recursive: true, force: true })
  })
  const own = await listening(running, log)
  return {
    url: TRANSPORT === 'sse' ? await withoutUpgrades(t, own) : own,
    dataDir,
    log,
    transports,
    get logged() {
      return logged
    },
    get pid() {
      return running.pid as number
    },
    async kill() {
      await end(running, 'SIGKILL')
    },
    stop: () => end(running, 'SIGTERM'),
    exited: () => exitOf(running),
    async restart() {
      running = start(new URL(own).port)
      await listening(running, log)
    },
  }
}

/** The address of an nginx in front of the server that lets no WebSocket through. */
async function withoutUpgrades(t: Teardown, url: string): Promise<string> {
  const port = await startNginx(t, [{ url }], undefined, WITHOUT_UPGRADES)
  return `http://127.0.0.1:${port}`
}

function launch(env: Record<string, string>, log: string[]): ChildProcess {
  const child = spawn(process.execPath, [SERVER], {
    // A folder without a `.env`, and none of this process' settings.
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Also when the test itself is ended before it can tear down.
  const orphaned = () => child.kill('SIGKILL')
  process.once('exit', orphaned)
  child.once('exit', () => process.off('exit', orphaned))
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as NonNullable<typeof stream> }).on('line', (line) => {
      noteOutput(line)
      log.push(line)
      if (log.length > KEPT_LINES) log.shift()
      child.emit('logged', line)
      const url = /"url":"(http[^"]+)"/.exec(line)?.[1]
      if (url !== undefined) child.emit('listening', url)
    })
  }
  return child
}

async function listening(child: ChildProcess, log: readonly string[]): Promise<string> {
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code}:\n${log.join('\n')}`)
  })
  const [url] = await Promise.race([once(child, 'listening'), died])
  return url as string
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return child.exitCode
}
