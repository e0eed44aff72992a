import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AgentOrder } from './server-agent.js'
import { SECRET } from './token.js'

export interface ServerOptions {
  /** Compiled server script. */
  readonly script: string
  readonly dataDir: string
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * How long a server that starts or stops may stand still, milliseconds: on a busy machine both can
 * take minutes, but not without using the processor.
 */
const PATIENCE = 30_000

/** Heartbeat of the servers under test: short, so that dead links are noticed within a run. */
export const HEARTBEAT_SECONDS = 1

/** The server under test, over as many processes as a run takes. */
export class ServerProcess {
  port = 0
  /** Ends that nobody asked for: a server that crashes under a fault is a failure by itself. */
  readonly crashes: string[] = []
  /** Peak resident memory of all processes so far, kilobytes. */
  peakMemory = 0
  readonly #options: ServerOptions
  #child: ChildProcess | undefined
  /** The next process, loaded and waiting for its start. */
  #standby: ChildProcess | undefined
  #clockOffset = 0
  /** Whether an end of the process is what the harness wants, or a start that may fail. */
  #expected = true

  constructor(options: ServerOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  /** Of the running process. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is not running')
    return this.#child.pid
  }

  /** Starts a process. Resolves when it listens. */
  async start(): Promise<void> {
    const child = this.#takeStandby() ?? this.#spawn()
    this.#child = child
    this.#expected = true
    child.on('exit', (code, signal) => {
      if (this.#child === child) this.#child = undefined
      if (!this.#expected) this.crashes.push(`the server ended by itself: ${signal ?? code}`)
    })
    const port = listening(child)
    child.send({ order: 'go', clockOffset: this.#clockOffset } satisfies AgentOrder)
    const endWatch = whenStandingStill(child, () => this.#giveUp(child, 'start'))
    this.port = await port.finally(endWatch)
    this.#expected = false
  }

  /** Loads the next process, so that it can start at once when this one ends. */
  prepare(): void {
    this.#standby ??= this.#spawn()
  }

  /** Ends everything for good. */
  async end(): Promise<void> {
    this.#standby?.kill('SIGKILL')
    await this.kill()
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Ends the process with grace, as a rolling restart does. */
  terminate(): Promise<void> {
    return this.#end('SIGTERM')
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  order(order: AgentOrder): void {
    if (order.order === 'jump') this.#clockOffset = order.seconds * 1000
    // It may be dying at this very moment: then the order comes to nothing.
    if (this.#child?.connected) this.#child.send(order, () => {})
  }

  /** The processes that it has started to serve clients. */
  workers(): number[] {
    try {
      const path = `/proc/${this.#child?.pid}/task/${this.#child?.pid}/children`
      const children = readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
      return children.filter((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#options.script),
      )
    } catch {
      // Gone in this very moment, or not Linux.
      return []
    }
  }

  /** Resident memory of the process that runs now, megabytes. */
  memory(): number {
    return Math.round(this.#status('VmRSS') / 1024)
  }

  /** Notes the peak memory of the process that runs now. */
  measure(): void {
    this.peakMemory = Math.max(this.peakMemory, this.#status('VmHWM'))
  }

  #takeStandby(): ChildProcess | undefined {
    const child = this.#standby
    this.#standby = undefined
    if (!child || (child.exitCode === null && child.signalCode === null)) return child
    this.crashes.push(`a server that was only loaded ended: ${child.signalCode ?? child.exitCode}`)
    return undefined
  }

  /** Has a process that hangs leave a report of where it is beside the log, and ends it. */
  #giveUp(child: ChildProcess, what: string): void {
    this.crashes.push(`the server did not ${what} and stood still for ${PATIENCE} ms`)
    child.kill('SIGCONT')
    child.kill('SIGUSR2')
    setTimeout(() => child.kill('SIGKILL'), 2000)
  }

  #spawn(): ChildProcess {
    const { script, dataDir, logFile, env } = this.#options
    const agent = new URL('./server-agent.js', import.meta.url).href
    const log = openSync(logFile, 'a')
    const reports = ['--report-on-signal', `--report-directory=${dirname(logFile)}`]
    const child = spawn(process.execPath, ['--expose-gc', ...reports, '--import', agent, script], {
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        DATA_DIR: dataDir,
        JWT_SECRET: SECRET,
        ALLOWED_ORIGINS: '*',
        HEARTBEAT_SECONDS: String(HEARTBEAT_SECONDS),
        DRAIN_SECONDS: '1',
        MAX_BUFFERED_BYTES: '65536',
        RATE_LIMIT_REQUESTS: '0',
        LOG_LEVEL: 'warn',
        CHAOS_PRELOAD: new URL('./app.js', `file://${script}`).href,
        ...env,
      },
    })
    closeSync(log)
    return child
  }

  #status(field: 'VmRSS' | 'VmHWM'): number {
    try {
      const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8')
      return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
    } catch {
      // Gone in this very moment, or not Linux.
      return 0
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child) return
    this.measure()
    this.#expected = true
    const exit = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill(signal)
    const endWatch = whenStandingStill(child, () => this.#giveUp(child, `end after ${signal}`))
    await exit
    endWatch()
  }
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', ({ port }: { port: number }) => resolve(port))
    child.once('exit', (code, signal) =>
      reject(new Error(`the server did not start: ${signal ?? code}`)),
    )
  })
}

/** Calls once when a process has hardly used the processor for a while. Returns what ends the watch. */
function whenStandingStill({ pid }: ChildProcess, call: () => void): () => void {
  let before = ticksOf(pid)
  const timer = setInterval(() => {
    const ticks = ticksOf(pid)
    if (ticks - before < FEW_TICKS) {
      clearInterval(timer)
      call()
    }
    before = ticks
  }, PATIENCE)
  return () => clearInterval(timer)
}

/** Hundredths of a second. */
const FEW_TICKS = 3

/** Processor time of a process so far, in hundredths of a second; 0 where that is not told. */
function ticksOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return 0
  }
}
