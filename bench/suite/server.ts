import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from './peers.js'
import { pinned } from './pinned.js'
import { SECRET } from './tokens.js'

/** How long a server may take to start or to stop by itself, milliseconds. */
const PATIENCE = 60_000

/** A server that is being measured. */
export interface RunningServer {
  readonly port: number
  /** The process and its children. */
  pids(): readonly number[]
  stop(): Promise<void>
}

export interface StartOptions {
  readonly node: string
  /** Settings on top of the peer's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly core: number | undefined
}

/** Starts a peer on a free port and resolves when it answers requests. */
export async function startServer(peer: Peer, options: StartOptions): Promise<RunningServer> {
  const dir = mkdtempSync(join(tmpdir(), `parley-bench-${peer.name}-`))
  const port = await freePort()
  const launch = peer.launch({ port, dir, secret: SECRET, node: options.node })
  const [command, args] = pinned(launch.command, options.core)
  const log = openSync(join(dir, 'output.log'), 'w')
  const child = spawn(command, args, {
    cwd: dir,
    env: { PATH: process.env.PATH, ...launch.env, ...options.env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const orphaned = () => child.kill('SIGKILL')
  process.once('exit', orphaned)
  const stop = async () => {
    process.off('exit', orphaned)
    await end(child)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await listening(child, port)
  } catch (error) {
    const output = readFileSync(join(dir, 'output.log'), 'utf8')
    await stop()
    throw new Error(`${peer.title} did not start: ${output || error}`)
  }
  return { port, pids: () => family(child.pid as number), stop }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves when somebody answers a request on this port. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + PATIENCE
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const answered = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      socket.once('data', () => {
        resolve(true)
        socket.destroy()
      })
      socket.on('error', () => {})
      socket.once('close', () => resolve(false))
      socket.setTimeout(1000, () => socket.destroy())
    })
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nobody answers on port ${port}`)
}

/** A process and all that descend from it. */
function family(pid: number): number[] {
  const pids = [pid]
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // Gone in this very moment.
    }
  }
  for (const parent of pids) {
    for (const [child, of] of parents) if (of === parent) pids.push(child)
  }
  return pids
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  await exit
  clearTimeout(timer)
}
