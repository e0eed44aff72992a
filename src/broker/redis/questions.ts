import type { Clock } from '../../clock.js'
import { StoreUnavailable } from '../broker.js'
import type { Key, Keys } from './keys.js'
import type { Session } from './session.js'
import type { Shards } from './shards.js'

export interface QuestionsOptions {
  readonly shards: Shards
  readonly keys: Keys
  readonly clock: Clock
  /** Name of this node. */
  readonly node: string
  /** Answers what another node asks. What it rejects with is not told. */
  readonly answer: (question: string) => Promise<string>
}

type Letter =
  | {
      readonly kind: 'question'
      readonly from: string
      readonly number: number
      readonly text: string
    }
  /** Without a text: there is no answer. */
  | { readonly kind: 'answer'; readonly number: number; readonly text?: string }

/** How long a node has to answer, milliseconds. */
const ANSWER_TIME = 5000

/** Questions of one node to another, and the answers, each on the channel of whom it is for. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #inbox: Key
  readonly #asked = new Map<number, (answer: string | undefined) => void>()
  #numbers = 0

  constructor(options: QuestionsOptions) {
    this.#options = options
    this.#inbox = options.keys.inbox(options.node)
  }

  /** Listens, if it is on this session's server. */
  async listen(session: Session): Promise<void> {
    const { slot, name } = this.#inbox
    if (this.#options.shards.find(slot) !== session) return
    await session.listen(name, (text) => this.#receive(JSON.parse(text)))
  }

  /** Undefined when nobody listens under that name. @throws {StoreUnavailable} */
  async ask(node: string, text: string): Promise<string | undefined> {
    const number = ++this.#numbers
    const { clock, node: from } = this.#options
    const answered = new Promise<string | undefined>((resolve) => {
      this.#asked.set(number, resolve)
    })
    const timeout = clock.after(ANSWER_TIME, () => this.#asked.get(number)?.(undefined))
    try {
      const listeners = await this.#send(node, { kind: 'question', from, number, text })
      if (listeners === 0) return undefined
      const answer = await answered
      if (answer === undefined) throw new StoreUnavailable('the other node did not answer')
      return answer
    } finally {
      timeout.cancel()
      this.#asked.delete(number)
    }
  }

  #send(node: string, letter: Letter): Promise<number> {
    const { shards, keys } = this.#options
    const { slot, name } = keys.inbox(node)
    return shards.send(slot, ['SPUBLISH', name, JSON.stringify(letter)])
  }

  #receive(letter: Letter): void {
    const { number } = letter
    if (letter.kind === 'answer') {
      this.#asked.get(number)?.(letter.text)
      return
    }
    this.#options
      .answer(letter.text)
      .then(
        (text): Letter => ({ kind: 'answer', number, text }),
        (): Letter => ({ kind: 'answer', number }),
      )
      .then((answer) => this.#send(letter.from, answer))
      .catch(() => {
        // Who asked goes on without this answer.
      })
  }
}
