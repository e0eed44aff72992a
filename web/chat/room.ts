import { computed, effect, type ReadonlySignal, signal } from '@preact/signals'
import { type Client, type Room as ClientRoom, type OutboxItem, ParleyError } from 'parley/client'
import type { RoomMessage } from '../model/message-window.js'
import type { Person } from '../model/notices.js'
import { strings } from '../strings.js'
import { announce } from './announcer.js'
import { lookingAt } from './attention.js'
import { describe, type Problem } from './problems.js'
import { PAGE, RoomHistory } from './room-history.js'
import { RoomPresence } from './room-presence.js'
import { readableText } from './text.js'
import { TypingIndicator } from './typing.js'

/** A room that the reader is in, or tries to be. */
export class Room {
  readonly name: string
  readonly status = signal<'joining' | 'joined' | 'refused'>('joining')
  readonly problem = signal<Problem | undefined>(undefined)
  readonly history: RoomHistory
  readonly presence: RoomPresence
  readonly typing: TypingIndicator
  /** The reader's nick here. */
  readonly nick = signal('')
  readonly draft = signal('')
  readonly outbox = signal<readonly OutboxItem<unknown>[]>([])
  /** What of the outbox is not yet to be seen among the messages. */
  readonly pending: ReadonlySignal<readonly OutboxItem<unknown>[]>
  readonly unread = signal(0)
  /** Offset of the first message that came while nobody looked. */
  readonly unreadFrom = signal<number | undefined>(undefined)
  /** Whether the end of the transcript is in view; the transcript says so. */
  readonly atEnd = signal(true)
  /** Counts wishes to be taken to the end; the transcript grants them. */
  readonly endWanted = signal(0)

  readonly #client: Client
  readonly #handle: ClientRoom
  readonly #watched: ReadonlySignal<boolean>
  readonly #dispose: (() => void)[]

  constructor(client: Client, name: string) {
    const handle = client.room(name)
    this.name = name
    this.#client = client
    this.#handle = handle
    this.history = new RoomHistory(client, handle, (error) => {
      this.problem.value = describe(error)
    })
    this.presence = new RoomPresence(handle)
    this.typing = new TypingIndicator((msg) => void handle.signal(msg))
    this.pending = computed(() => this.#notShown(this.outbox.value))
    this.#watched = computed(() => lookingAt.value === name && this.atEnd.value)
    this.#dispose = [...this.#listen(), effect(() => this.#markSeen())]
  }

  isOwn(user: string): boolean {
    return user === this.#client.user
  }

  /** Joins, tries again after a refusal, or takes a new nick. */
  async join(nick: string | undefined): Promise<void> {
    if (this.status.peek() === 'refused') this.status.value = 'joining'
    this.problem.value = undefined
    if (nick !== undefined) this.nick.value = nick
    const options = { history: PAGE, ...(nick === undefined ? {} : { nick }) }
    // A refusal comes as a change of state, and a lost connection is told elsewhere.
    await this.#handle.join(options).catch(() => undefined)
  }

  /** Leaves, and forgets what is still to be sent. */
  async leave(): Promise<void> {
    for (const { id } of this.outbox.peek()) this.#handle.discard(id)
    this.dispose()
    await this.#handle.leave()
  }

  dispose(): void {
    for (const stop of this.#dispose) stop()
    this.typing.dispose()
  }

  /** Sends the draft. Where the outbox is full it stays, and `problem` says why. */
  send(): void {
    const text = this.draft.peek()
    this.draft.value = ''
    this.problem.value = undefined
    this.unreadFrom.value = undefined
    this.typing.stop()
    void this.goToEnd()
    // What became an entry of the outbox is told beside it; here only what never became one.
    this.#handle.send(text).catch((error: unknown) => {
      if (!(error instanceof ParleyError && error.code === 'OUTBOX_FULL')) return
      this.problem.value = describe(error)
      if (this.draft.peek() === '') this.draft.value = text
    })
  }

  retry(id: string): void {
    // What becomes of it is shown beside it.
    this.#handle.retry(id).catch(() => undefined)
  }

  discard(id: string): void {
    this.#handle.discard(id)
  }

  async goToEnd(): Promise<void> {
    await this.history.loadNewest()
    this.endWanted.value++
  }

  #listen(): (() => void)[] {
    const handle = this.#handle
    return [
      handle.on('message', (message) => this.#receive(message)),
      handle.on('joined', (person) => this.#presenceChanged('joined', person)),
      handle.on('left', (person) => this.#presenceChanged('left', person)),
      handle.on('members', () => this.presence.refresh()),
      handle.on('signal', (signal) => {
        if (!this.isOwn(signal.user)) this.typing.heard(signal)
      }),
      handle.on('reset', ({ reason }) => {
        if (reason === 'erased') this.history.clear()
        this.presence.clearNotices()
      }),
      handle.on('outbox', () => {
        this.outbox.value = [...handle.outbox]
      }),
      handle.on('state', (state, { error }) => {
        if (state === 'joining') this.presence.lost()
        else if (state === 'joined') this.#joined()
        else if (state === 'failed') this.#refused(error)
      }),
    ]
  }

  #joined(): void {
    this.status.value = 'joined'
    if (this.nick.peek() === '') this.nick.value = this.#client.nick ?? ''
    this.presence.back()
    this.presence.refresh()
  }

  #refused(error: unknown): void {
    this.status.value = 'refused'
    this.problem.value = describe(error)
  }

  #receive(message: RoomMessage): void {
    this.history.receive(message, this.atEnd.peek())
    this.typing.heard({ ...message, msg: { typing: false } })
    // What a room begins with is no news.
    if (this.status.peek() === 'joining' || this.isOwn(message.user)) return
    if (this.#watched.peek()) {
      announce(strings.announceMessage(message.nick, readableText(message.msg)))
      return
    }
    if (this.unread.peek() === 0) this.unreadFrom.value = message.offset
    this.unread.value++
  }

  #presenceChanged(what: 'joined' | 'left', person: Person): void {
    this.presence.refresh()
    if (this.isOwn(person.user)) return
    if (what === 'left') this.typing.heard({ ...person, msg: { typing: false } })
    this.presence.changed(what, person, this.history.last)
  }

  #notShown(items: readonly OutboxItem<unknown>[]): readonly OutboxItem<unknown>[] {
    if (items.length === 0) return items
    const shown = new Set<string>()
    for (const { user, id } of this.history.window.value.messages) {
      if (this.isOwn(user)) shown.add(id)
    }
    return items.filter(({ id }) => !shown.has(id))
  }

  #markSeen(): void {
    if (this.#watched.value) this.unread.value = 0
  }
}
