import { signal } from '@preact/signals'
import {
  isTypingSignal,
  noteTyping,
  stillTyping,
  TYPING_EVERY,
  type TypingSignal,
  type Typist,
} from '../model/typists.js'

/** Who is writing in a room, and telling the others that the reader is. */
export class TypingIndicator {
  readonly typists = signal<readonly Typist[]>([])
  readonly #tell: (signal: TypingSignal) => void
  #toldAt = Number.NEGATIVE_INFINITY
  #expiry: ReturnType<typeof setTimeout> | undefined

  constructor(tell: (signal: TypingSignal) => void) {
    this.#tell = tell
  }

  /** The reader writes: says so, but not with every key. */
  write(): void {
    const now = performance.now()
    if (now - this.#toldAt < TYPING_EVERY) return
    this.#toldAt = now
    this.#tell({ typing: true })
  }

  /** The reader cleared or sent what they wrote. */
  stop(): void {
    if (this.#toldAt === Number.NEGATIVE_INFINITY) return
    this.#toldAt = Number.NEGATIVE_INFINITY
    this.#tell({ typing: false })
  }

  /** A signal came from someone else. */
  heard(signal: { readonly user: string; readonly nick: string; readonly msg: unknown }): void {
    if (!isTypingSignal(signal.msg)) return
    if (!signal.msg.typing && this.typists.peek().length === 0) return
    this.typists.value = noteTyping(this.typists.peek(), signal, signal.msg.typing, Date.now())
    this.#expire()
  }

  dispose(): void {
    clearTimeout(this.#expiry)
  }

  #expire(): void {
    clearTimeout(this.#expiry)
    const until = Math.min(...this.typists.peek().map((typist) => typist.until))
    if (!Number.isFinite(until)) return
    this.#expiry = setTimeout(
      () => {
        this.typists.value = stillTyping(this.typists.peek(), Date.now())
        this.#expire()
      },
      until - Date.now() + 1,
    )
  }
}
