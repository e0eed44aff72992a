import type { Clock } from '../../clock.js'
import { StoreUnavailable } from '../broker.js'
import type { ServedWorker } from './served-worker.js'

interface Open {
  readonly asked: ServedWorker
  /** Without a text: there is no answer. */
  settle(answer?: string): void
}

/** How long a worker has to answer, milliseconds. */
const ANSWER_TIME = 5000

/** Questions of one worker to another, on their way through the owner. */
export class Questions {
  readonly #clock: Clock
  readonly #open = new Map<number, Open>()
  #numbers = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws {StoreUnavailable} when the worker ends or does not answer in time. */
  async ask(asked: ServedWorker, question: string): Promise<string> {
    const number = ++this.#numbers
    const answered = new Promise<string | undefined>((settle) => {
      this.#open.set(number, { asked, settle })
    })
    const timeout = this.#clock.after(ANSWER_TIME, () => this.answered(number))
    asked.link.send(['question', number], question)
    const answer = await answered
    timeout.cancel()
    if (answer === undefined) throw new StoreUnavailable('the other worker did not answer')
    return answer
  }

  answered(number: number, answer?: string): void {
    this.#open.get(number)?.settle(answer)
    this.#open.delete(number)
  }

  /** Nothing is to be expected from a worker any more. */
  gone(worker: ServedWorker): void {
    for (const [number, { asked }] of this.#open) if (asked === worker) this.answered(number)
  }
}
