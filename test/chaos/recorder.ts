import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { ClientEvent, HistoryEvent, ServiceEvent } from './history.js'

/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6

type Bare<E> = E extends unknown ? Omit<E, 'at'> : never
/** An event without its time. */
export type Unstamped = Bare<ClientEvent> | Bare<ServiceEvent>

/**
 * Writes a process's part of the history, one JSON line an event. Each is on file before `record`
 * returns, so that a process that is killed leaves everything that it knew.
 */
export class Recorder {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  record(event: Unstamped): void {
    writeSync(this.#file, `${JSON.stringify({ at: monotonic(), ...event })}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Reads what a recorder wrote; a last line that is torn was never finished and does not count. */
export function readHistory(path: string): HistoryEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}
