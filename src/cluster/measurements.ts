import type { Clock } from '../clock.js'

export interface MeasurementsOptions {
  readonly clock: Clock
  /** What this process measured of itself, in Prometheus' text format. */
  readonly own: () => Promise<string>
  /** Asks every worker, under a number; their answers come by `measured`. Returns how many. */
  readonly ask: (number: number) => number
}

/** Answers of the workers to one question. */
interface Gathering {
  readonly number: number
  readonly texts: string[]
  waiting: number
  done: () => void
}

/** How long workers have to say what they measured, milliseconds. */
const ANSWER_TIME = 1000

/** Gathers what this process and its workers measured; who asks meanwhile gets the same. */
export class Measurements {
  readonly #options: MeasurementsOptions
  #gathering: Promise<readonly string[]> | undefined
  #current: Gathering | undefined
  #numbers = 0

  constructor(options: MeasurementsOptions) {
    this.#options = options
  }

  /** Each in Prometheus' text format, this process first; none when there is no worker to ask. */
  gather(): Promise<readonly string[]> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined
    })
    return this.#gathering
  }

  /** A worker's answer to the question of this number. */
  measured(number: number, text: string): void {
    const gathering = this.#current
    if (gathering?.number !== number) return
    gathering.texts.push(text)
    if (--gathering.waiting === 0) gathering.done()
  }

  async #gather(): Promise<readonly string[]> {
    const { clock, own, ask } = this.#options
    const number = ++this.#numbers
    const gathering: Gathering = { number, texts: [], waiting: 0, done: () => {} }
    this.#current = gathering
    gathering.waiting = ask(number)
    if (gathering.waiting === 0) return []
    await new Promise<void>((resolve) => {
      gathering.done = resolve
      clock.after(ANSWER_TIME, resolve)
    })
    return [await own(), ...gathering.texts]
  }
}
