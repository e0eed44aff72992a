import { signal } from '@preact/signals'
import type { Room as ClientRoom } from 'parley/client'
import { type Notice, note, type Person } from '../model/notices.js'

/** How long after a lost connection those who were there may come back without a word, in ms. */
const RETURN_WITHIN = 60_000

/** Who is in a room, and what to say about those who come and go. */
export class RoomPresence {
  readonly members = signal<readonly Person[]>([])
  readonly count = signal(0)
  readonly notices = signal<readonly Notice[]>([])
  readonly #room: ClientRoom
  /** Who was there when the connection was lost: a server that restarts tells of each anew. */
  #returning = new Set<string>()
  #returnUntil = 0

  constructor(room: ClientRoom) {
    this.#room = room
  }

  refresh(): void {
    this.members.value = [...this.#room.memberList]
    this.count.value = this.#room.count
  }

  /** The connection was lost. */
  lost(): void {
    for (const { user } of this.members.peek()) this.#returning.add(user)
  }

  /** The connection is back. */
  back(): void {
    this.#returnUntil = performance.now() + RETURN_WITHIN
  }

  /** Someone else came or went, after the message with this offset. */
  changed(what: 'joined' | 'left', person: Person, after: number): void {
    if (performance.now() > this.#returnUntil) this.#returning.clear()
    if (what === 'joined' && this.#returning.delete(person.user)) return
    this.notices.value = note(this.notices.peek(), what, person, after)
  }

  clearNotices(): void {
    this.notices.value = []
  }
}
