import { signal } from '@preact/signals'
import { type Client, type Room as ClientRoom, ParleyError } from 'parley/client'
import {
  addLive,
  addNewer,
  addOlder,
  EMPTY_WINDOW,
  type HistoryPage,
  type MessageWindow,
  newest,
  type RoomMessage,
} from '../model/message-window.js'

/** Messages in a page of history, and those that a room begins with. */
export const PAGE = 50

/** The messages of a room that are shown, and loading those that are not. */
export class RoomHistory {
  readonly window = signal(EMPTY_WINDOW)
  readonly #client: Client
  readonly #room: ClientRoom
  readonly #onError: (error: unknown) => void
  #loading = false

  constructor(client: Client, room: ClientRoom, onError: (error: unknown) => void) {
    this.#client = client
    this.#room = room
    this.#onError = onError
  }

  /** Offset of the last message that is shown; 0 when there is none. */
  get last(): number {
    return this.window.peek().messages.at(-1)?.offset ?? 0
  }

  receive(message: RoomMessage, readerAtEnd: boolean): void {
    this.window.value = addLive(this.window.peek(), message, readerAtEnd)
  }

  clear(): void {
    this.window.value = EMPTY_WINDOW
  }

  async loadOlder(): Promise<void> {
    const { messages, older } = this.window.peek()
    const [first] = messages
    if (first === undefined || !older) return
    await this.#load({ before: first.offset }, addOlder)
  }

  async loadNewer(): Promise<void> {
    if (!this.window.peek().newer) return
    await this.#load({ after: this.last }, (window, page) => addNewer(window, this.#toNow(page)))
  }

  /** Goes back to the newest messages, wherever the reader was. */
  async loadNewest(): Promise<void> {
    if (!this.window.peek().newer) return
    await this.#load({}, (_window, page) => newest(page, this.#room.position?.offset))
  }

  /** Live messages may have come after the page was read and before it was here. */
  #toNow(page: HistoryPage): HistoryPage {
    const last = page.messages.at(-1)?.offset ?? this.last
    return { ...page, more: page.more || last < (this.#room.position?.offset ?? 0) }
  }

  /** One page at a time. Without a connection there is none, and its state says so already. */
  async #load(
    query: { before?: number; after?: number },
    add: (window: MessageWindow, page: HistoryPage) => MessageWindow,
  ): Promise<void> {
    if (this.#loading || this.#client.state !== 'connected') return
    this.#loading = true
    try {
      const page = await this.#room.history({ ...query, limit: PAGE })
      this.window.value = add(this.window.peek(), page)
    } catch (error) {
      const lost = error instanceof ParleyError && error.code === 'DISCONNECTED'
      if (!lost) this.#onError(error)
    } finally {
      this.#loading = false
    }
  }
}
