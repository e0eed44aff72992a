import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { COORDINATED } from '../exit.js'
import { LOG_FD, type ToPrimary, type ToWorker } from './messages.js'

/** What a service knows that is one of several processes of `parley serve --workers`. */
export interface WorkerContext {
  /** 1 and up. A worker that takes the place of another has its number. */
  readonly number: number
  /** The socket to the process that owns the log; undefined with Redis. */
  readonly log: Duplex | undefined
  /** Ends the process: the one that owns the log is gone. */
  ownerGone(): void
  /** Sets what this worker tells the others that it measured. */
  measureWith(text: () => Promise<string>): void
  /** What all processes measured, in Prometheus' text format, each by itself; of those that answer. */
  measurements(): Promise<readonly string[]>
}

/** How long the others have to say what they measured, milliseconds. */
const ANSWER_TIME = 3000

/** A worker's side of what it has to do with the process that started it. */
export class WorkerProcess implements WorkerContext {
  readonly number: number
  readonly log: Duplex | undefined
  #text: (() => Promise<string>) | undefined
  #onStop: () => void = () => {}
  #asking: Promise<readonly string[]> | undefined
  #patience: NodeJS.Timeout | undefined
  #answered: (texts: readonly string[]) => void = () => {}

  /** @param ownsLog whether this worker's rooms are in a log of the primary's */
  constructor(number: number, ownsLog: boolean) {
    this.number = number
    this.log = ownsLog ? new Socket({ fd: LOG_FD }) : undefined
    for (const signal of COORDINATED) process.on(signal, () => {})
    process.on('message', (message: ToWorker) => this.#receive(message))
    process.on('disconnect', () => this.ownerGone())
  }

  ownerGone(): void {
    process.stderr.write(`parley: worker ${this.number} ends with the process that started it\n`)
    process.exit(1)
  }

  measureWith(text: () => Promise<string>): void {
    this.#text = text
  }

  measurements(): Promise<readonly string[]> {
    this.#asking ??= new Promise((resolve) => {
      this.#answered = resolve
      tell({ parley: 'measure' })
      this.#patience = setTimeout(() => this.#measured([]), ANSWER_TIME)
    })
    return this.#asking
  }

  /** Calls when the service is to end. */
  onStop(stop: () => void): void {
    this.#onStop = stop
  }

  ready(url: string): void {
    tell({ parley: 'ready', url })
  }

  drainStarted(): void {
    tell({ parley: 'drain' })
  }

  #receive(message: ToWorker): void {
    switch (message.parley) {
      case 'beat':
        tell({ parley: 'beat' })
        return
      case 'stop':
        this.#onStop()
        return
      case 'measure':
        void this.#measure(message.number)
        return
      case 'measured':
        this.#measured(message.texts)
    }
  }

  #measured(texts: readonly string[]): void {
    clearTimeout(this.#patience)
    this.#asking = undefined
    this.#answered(texts)
  }

  async #measure(number: number): Promise<void> {
    const text = await this.#text?.()
    if (text !== undefined) tell({ parley: 'measured', number, text })
  }
}

function tell(message: ToPrimary): void {
  // The channel may have closed a moment ago: then this process ends too.
  if (process.connected) process.send?.(message, () => {})
}
