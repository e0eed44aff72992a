import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { ClientState } from './chaos-client.js'
import type { HistoryEvent } from './history.js'
import { type Recorder, readHistory } from './recorder.js'
import type { WorkerOptions, WorkerOrder } from './worker.js'

interface Worker {
  readonly child: ChildProcess
  readonly names: readonly string[]
  /** The browser would outlive its process. */
  readonly killable: boolean
  ready: boolean
}

/** The processes of clients of one run. */
export class Workers {
  readonly #folder: string
  readonly #recorder: Recorder
  readonly #workers: Worker[] = []
  readonly #files: string[] = []

  constructor(folder: string, recorder: Recorder) {
    this.#folder = folder
    this.#recorder = recorder
  }

  async start(options: Omit<WorkerOptions, 'historyFile'>): Promise<void> {
    const historyFile = join(this.#folder, `clients-${this.#files.length}.jsonl`)
    this.#files.push(historyFile)
    const settings: WorkerOptions = { ...options, historyFile }
    const child = fork(new URL('./worker.js', import.meta.url), [JSON.stringify(settings)])
    const names = options.clients.map(({ name }) => name)
    const killable = options.clients.every(({ kind }) => kind !== 'browser')
    const worker: Worker = { child, names, killable, ready: false }
    this.#workers.push(worker)
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)))
    })
    worker.ready = true
  }

  /** Kills a worker without warning. Its clients are gone. Returns false when there is none. */
  async kill(target: number): Promise<boolean> {
    const worker = this.#choose(target)
    if (!worker) return false
    this.#workers.splice(this.#workers.indexOf(worker), 1)
    const exit = new Promise((resolve) => worker.child.once('exit', resolve))
    worker.child.kill('SIGCONT')
    worker.child.kill('SIGKILL')
    await exit
    for (const client of worker.names) this.#recorder.record({ type: 'stop', client })
    return true
  }

  /** Stops a worker for a while, as a laptop that is closed and opened again. */
  pause(target: number, ms: number): void {
    const worker = this.#choose(target)
    worker?.child.kill('SIGSTOP')
    setTimeout(() => worker?.child.kill('SIGCONT'), ms)
  }

  quiet(): void {
    for (const { child } of this.#workers) {
      child.kill('SIGCONT')
      child.send({ order: 'quiet' } satisfies WorkerOrder, () => {})
    }
  }

  async states(): Promise<ClientState[]> {
    const reports = this.#workers.map(
      ({ child }) =>
        new Promise<ClientState[]>((resolve) => {
          const onMessage = ({ states }: { states?: ClientState[] }) => {
            if (!states) return
            child.off('message', onMessage)
            resolve(states)
          }
          child.on('message', onMessage)
          child.send({ order: 'report' } satisfies WorkerOrder, () => {})
        }),
    )
    return (await Promise.all(reports)).flat()
  }

  /** Ends all workers; what they recorded stays. */
  async end(): Promise<void> {
    const exits = this.#workers.splice(0).map(({ child, killable }) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined
      const exit = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGCONT')
      if (killable) child.kill('SIGKILL')
      else child.disconnect()
      return exit
    })
    await Promise.all(exits)
  }

  histories(): HistoryEvent[][] {
    return this.#files.map(readHistory)
  }

  #choose(target: number): Worker | undefined {
    const killable = this.#workers.filter(({ killable, ready }) => killable && ready)
    return killable[Math.floor(target * killable.length)]
  }
}
