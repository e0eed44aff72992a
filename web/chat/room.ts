import { computed, effect, type ReadonlySignal, signal } from '@preact/signals'
import { type Client, type Room as ClientRoom, type OutboxItem, ParleyError } from 'parley/client'
import {
  addLive,
  addNewer,
  addOlder,
  EMPTY_WINDOW,
  newest,
  type RoomMessage,
} from '../model/message-window.js'
import { type Notice, note, type Person } from '../model/notices.js'
import { strings } from '../strings.js'
import { announce } from './announcer.js'
import { lookingAt } from './attention.js'
import { describe, type Problem } from './problems.js'
import { readableText } from './text.js'
import { TypingIndicator } from './typing.js'

/** Messages in a page of history. */
const PAGE = 50

/** A room that the reader is in, or tries to be. */
export class Room {
  readonly name: string
  readonly status = signal<'joining' | 'joined' | 'refused'>('joining')
  readonly problem = signal<Problem | undefined>(undefined)
  readonly window = signal(EMPTY_WINDOW)
  readonly outbox = signal<readonly OutboxItem<unknown>[]>([])
  readonly members = signal<readonly Person[]>([])
  readonly count = signal(0)
  readonly notices = signal<readonly Notice[]>([])
  readonly unread = signal(0)
  /** Offset of the first message that came while nobody looked. */
  readonly unreadFrom = signal<number | undefined>(undefined)
  /** Whether the end of the transcript is in view; the transcript says so. */
  readonly atEnd = signal(true)
  /** Counts wishes to be taken to the end; the transcript grants them. */
  readonly endWanted = signal(0)
  readonly draft = signal('')
  readonly typing: TypingIndicator
  /** Outbox entries that are not yet to be seen among the messages. */
  readonly pending: ReadonlySignal<readonly OutboxItem<unknown>[]>

  readonly #client: Client
  readonly #handle: ClientRoom
  readonly #watched: ReadonlySignal<boolean>
  readonly #dispose: (() => void)[]
  #loading = false

  constructor(client: Client, name: string) {
    this.name = name
    this.#client = client
    this.#handle = client.room(name)
    this.typing = new TypingIndicator((msg) => void this.#handle.signal(msg))
    this.#watched = computed(() => lookingAt.value === name && this.atEnd.value)
    this.pending = computed(() => {
      const seen = new Set<string>()
      for (const { user, id } of this.window.value.messages) if (this.isOwn(user)) seen.add(id)
      return this.outbox.value.filter(({ id }) => !seen.has(id))
    })
    this.#dispose = [...this.#listen(), effect(() => this.#markSeen())]
  }

  isOwn(user: string): boolean {
    return user === this.#client.user
  }

  /** Joins, or tries again after a refusal. */
  async join(nick: string | undefined): Promise<void> {
    this.status.value = 'joining'
    this.problem.value = undefined
    try {
      await this.#handle.join({ history: PAGE, ...(nick === undefined ? {} : { nick }) })
      this.status.value = 'joined'
      this.#refreshMembers()
    } catch (error) {
      this.#refuse(error)
    }
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

  async loadOlder(): Promise<void> {
    const first = this.window.value.messages[0]
    if (first === undefined || !this.window.value.older) return
    await this.#load(async () => {
      const page = await this.#handle.history({ before: first.offset, limit: PAGE })
      this.window.value = addOlder(this.window.value, page)
    })
  }

  async loadNewer(): Promise<void> {
    const last = this.window.value.messages.at(-1)
    if (last === undefined || !this.window.value.newer) return
    await this.#load(async () => {
      const page = await this.#handle.history({ after: last.offset, limit: PAGE })
      this.window.value = addNewer(this.window.value, page)
    })
  }

  /** Goes to the newest messages, wherever the reader was. */
  async goToEnd(): Promise<void> {
    if (this.window.value.newer) {
      await this.#load(async () => {
        this.window.value = newest(await this.#handle.history({ limit: PAGE }))
      })
    }
    this.endWanted.value++
  }

  /** One page at a time. Without a connection there is none, and its state says so already. */
  async #load(load: () => Promise<void>): Promise<void> {
    if (this.#loading || this.#client.state !== 'connected') return
    this.#loading = true
    try {
      await load()
    } catch (error) {
      if (!(error instanceof ParleyError && error.code === 'DISCONNECTED')) {
        this.problem.value = describe(error)
      }
    } finally {
      this.#loading = false
    }
  }

  #listen(): (() => void)[] {
    const handle = this.#handle
    return [
      handle.on('message', (message) => this.#receive(message)),
      handle.on('joined', (person) => this.#noteComing('joined', person)),
      handle.on('left', (person) => this.#noteComing('left', person)),
      handle.on('members', () => this.#refreshMembers()),
      handle.on('signal', (signal) => {
        if (!this.isOwn(signal.user)) this.typing.heard(signal)
      }),
      handle.on('reset', ({ reason }) => {
        if (reason === 'erased') this.window.value = EMPTY_WINDOW
        this.notices.value = []
      }),
      handle.on('state', (state, { error }) => {
        if (state === 'failed' && error !== undefined) this.#refuse(error)
      }),
      handle.on('outbox', () => {
        this.outbox.value = [...handle.outbox]
      }),
    ]
  }

  #refuse(error: unknown): void {
    this.status.value = 'refused'
    this.problem.value = describe(error)
  }

  #receive(message: RoomMessage): void {
    this.window.value = addLive(this.window.value, message, this.atEnd.peek())
    this.typing.heard({ ...message, msg: { typing: false } })
    const old = this.status.peek() === 'joining'
    if (old || this.isOwn(message.user)) return
    if (this.#watched.peek()) {
      announce(strings.announceMessage(message.nick, readableText(message.msg)))
    } else {
      this.unread.value++
      this.unreadFrom.value ??= message.offset
    }
  }

  #noteComing(what: 'joined' | 'left', person: Person & { readonly members: number }): void {
    this.#refreshMembers()
    if (this.isOwn(person.user)) return
    if (what === 'left') this.typing.heard({ ...person, msg: { typing: false } })
    const after = this.window.value.messages.at(-1)?.offset ?? 0
    this.notices.value = note(this.notices.value, what, person, after)
  }

  #refreshMembers(): void {
    this.members.value = [...this.#handle.memberList]
    this.count.value = this.#handle.count
  }

  #markSeen(): void {
    if (this.#watched.value) this.unread.value = 0
  }
}
