import cluster, { type Worker } from 'node:cluster'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Clock, Scheduled } from '../clock.js'
import type { Log } from '../log.js'
import { Measurements } from './measurements.js'
import { LOG_FD, type ToPrimary, type ToWorker, WORKER_VARIABLE } from './messages.js'
import { Restarts } from './restarts.js'

export interface SupervisorOptions {
  /** How many workers. */
  readonly workers: number
  /** Settings of the workers besides those of this process. */
  readonly env: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly log: Log
  /** Serves a worker the log over this socket. Undefined: the workers' log is elsewhere. */
  readonly serveLog: ((socket: Duplex) => void) | undefined
  /** What this process measures of itself, in Prometheus' text format. */
  readonly measure: () => Promise<string>
  /** A worker was asked for a drain: the service is to end. */
  readonly onDrain: () => void
  /** A worker keeps ending: the service cannot go on. */
  readonly onFailure: (reason: string) => void
}

/** One of the workers, over as many processes as it takes. */
interface Slot {
  readonly number: number
  readonly restarts: Restarts
  worker: Worker | undefined
  startedAt: number
  ready: boolean
  /** Beats that it has not answered. */
  missed: number
  restarting: Scheduled | undefined
  /** Waits for its first worker that becomes ready. */
  first: { resolve(url: string): void; reject(error: Error): void } | undefined
}

const BETWEEN_BEATS = 1000
/** Beats that a worker may leave unanswered: the lease of its members. */
const MAX_MISSED = 12
/** Beats within which a worker has to be ready. */
const MAX_STARTING = 60
/** Longest timer that Node keeps, milliseconds. */
const LONG = 2 ** 31 - 1

/** A worker ended before it served anybody; it has said why. */
class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed'
  readonly code = 'ERR_WORKER_FAILED'

  constructor(number: number, how: string) {
    super(`worker ${number} could not be started (${how})`)
  }
}

const WORKER_SCRIPT = fileURLToPath(new URL('../server.js', import.meta.url))

/**
 * Starts the workers and starts them again when they end. A worker that does not answer is killed:
 * its clients find another one, its members leave, and its place is taken by a new process.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: Slot[]
  #beating: Scheduled | undefined
  /** Keeps the process alive while no worker lives: each will be replaced. */
  #alive: NodeJS.Timeout | undefined
  #stopping = false
  readonly #measurements: Measurements

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#measurements = new Measurements({
      clock: options.clock,
      own: options.measure,
      ask: (number) => this.#measure(number),
    })
    this.#slots = Array.from({ length: options.workers }, (_, i) => ({
      number: i + 1,
      restarts: new Restarts(),
      worker: undefined,
      startedAt: 0,
      ready: false,
      missed: 0,
      restarting: undefined,
      first: undefined,
    }))
    const stdio: ('inherit' | 'ipc' | 'pipe')[] = ['inherit', 'inherit', 'inherit', 'ipc']
    if (options.serveLog !== undefined) stdio[LOG_FD] = 'pipe'
    cluster.setupPrimary({ exec: WORKER_SCRIPT, args: [], stdio })
  }

  /**
   * Starts the first worker, then the others. Resolves with their address once all are ready.
   * Rejects when one of them ends by itself before it is ready; one that was killed is replaced.
   */
  async start(): Promise<string> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]]
    this.#beating = this.#options.clock.every(BETWEEN_BEATS, () => this.#beat())
    this.#alive = setInterval(() => {}, LONG)
    try {
      const url = await this.#first(first)
      await Promise.all(others.map((slot) => this.#first(slot)))
      return url
    } catch (error) {
      this.#end()
      for (const { worker } of this.#slots) worker?.process.kill('SIGKILL')
      throw error
    }
  }

  /** Workers that serve clients now. */
  get ready(): number {
    return this.#slots.filter(({ ready }) => ready).length
  }

  signal(signal: NodeJS.Signals): void {
    for (const { worker, ready } of this.#slots) if (ready) worker?.process.kill(signal)
  }

  /**
   * Ends all workers with grace.
   * @param patience milliseconds after which those that are left are killed
   */
  async stop(patience: number): Promise<void> {
    this.#end()
    const killing = this.#options.clock.after(patience, () => this.#killAll())
    await Promise.all(
      this.#slots.map(async ({ worker, ready }) => {
        if (worker === undefined || worker.isDead()) return
        const exit = new Promise((resolve) => worker.once('exit', resolve))
        if (ready) send(worker, { parley: 'stop' })
        else worker.process.kill('SIGKILL')
        await exit
      }),
    )
    killing.cancel()
  }

  /** What this process and the workers measured, each in Prometheus' text format. */
  measurements(): Promise<readonly string[]> {
    return this.#measurements.gather()
  }

  /** Nothing is started any more. */
  #end(): void {
    this.#stopping = true
    this.#beating?.cancel()
    clearInterval(this.#alive)
    for (const { restarting } of this.#slots) restarting?.cancel()
  }

  /** The first start of a worker. Resolves with its address. */
  #first(slot: Slot): Promise<string> {
    return new Promise((resolve, reject) => {
      slot.first = { resolve, reject }
      this.#fork(slot)
    })
  }

  #fork(slot: Slot): void {
    const { clock, env, serveLog } = this.#options
    const worker = cluster.fork({ ...env, [WORKER_VARIABLE]: String(slot.number) })
    Object.assign(slot, { worker, startedAt: clock.monotonic(), ready: false, missed: 0 })
    serveLog?.(worker.process.stdio[LOG_FD] as unknown as Duplex)
    worker.on('message', (message: ToPrimary) => this.#receive(slot, message))
    // It died while it was handed a connection: its `exit`, which follows, says all there is to say.
    worker.on('error', () => {})
    worker.once('exit', (code, signal) => {
      if (signal === null) {
        slot.first?.reject(new WorkerFailed(slot.number, `exit ${code}`))
      }
      this.#ended(slot, signal ?? `exit ${code}`)
    })
  }

  #receive(slot: Slot, message: ToPrimary): void {
    slot.missed = 0
    switch (message.parley) {
      case 'ready':
        slot.ready = true
        slot.first?.resolve(message.url)
        slot.first = undefined
        return
      case 'drain':
        if (!this.#stopping) this.#options.onDrain()
        return
      case 'measure':
        void this.measurements().then((texts) => {
          if (slot.worker !== undefined) send(slot.worker, { parley: 'measured', texts })
        })
        return
      case 'measured':
        this.#measurements.measured(message.number, message.text)
    }
  }

  #ended(slot: Slot, how: string): void {
    const { clock, log, onFailure } = this.#options
    const lived = clock.monotonic() - slot.startedAt
    const wasReady = slot.ready
    slot.worker = undefined
    slot.ready = false
    if (this.#stopping) return
    const wait = slot.restarts.ended(lived)
    const details = { worker: slot.number, how, lived: Math.round(lived) }
    if (wait === undefined) {
      const reason = `worker ${slot.number} keeps ending soon after its start, the last time with ${how}`
      log.error(details, reason)
      onFailure(reason)
      return
    }
    log.error({ ...details, wait }, wasReady ? 'a worker ended' : 'a worker ended in its start')
    slot.restarting = clock.after(wait, () => this.#fork(slot))
  }

  #beat(): void {
    for (const slot of this.#slots) {
      const { worker, ready, number } = slot
      if (worker === undefined) continue
      if (++slot.missed > (ready ? MAX_MISSED : MAX_STARTING)) {
        this.#options.log.error({ worker: number }, 'a worker does not answer and is killed')
        worker.process.kill('SIGKILL')
      } else if (ready) send(worker, { parley: 'beat' })
    }
  }

  #killAll(): void {
    for (const { worker, number } of this.#slots) {
      if (worker === undefined || worker.isDead()) continue
      this.#options.log.error({ worker: number }, 'a worker did not end in time and is killed')
      worker.process.kill('SIGKILL')
    }
  }

  /** Asks the workers what they measured. Returns how many were asked. */
  #measure(number: number): number {
    const asked = this.#slots.filter(({ worker, ready }) => worker !== undefined && ready)
    for (const { worker } of asked) send(worker as Worker, { parley: 'measure', number })
    return asked.length
  }
}

function send(worker: Worker, message: ToWorker): void {
  // A worker that is ending takes nothing any more.
  if (worker.isConnected()) worker.send(message, undefined, () => {})
}
