import { effect, signal } from '@preact/signals'
import { endpoints } from '../shared/endpoints.js'
import { requestJson } from '../shared/http.js'
import { pageVisible } from './attention.js'
import type { Chat } from './chat.js'
import { identity } from './identity.js'

/** A room on the server that the reader may join. */
export interface ListedRoom {
  readonly name: string
  readonly members: number
}

/** How often the list is asked for while someone looks, in milliseconds. */
const EVERY = 15_000

/** Most rooms that the page lists. */
const LIMIT = 50

/** Keeps a list of the server's rooms fresh, as long as the page is visible and connected. */
export class Directory {
  readonly rooms = signal<readonly ListedRoom[]>([])
  readonly dispose: () => void

  constructor(chat: Chat) {
    this.dispose = effect(() => {
      if (!pageVisible.value || chat.connection.value.state !== 'connected') return
      chat.rooms.value
      void this.refresh()
      const timer = setInterval(() => void this.refresh(), EVERY)
      return () => clearInterval(timer)
    })
  }

  async refresh(): Promise<void> {
    const token = identity.peek()?.token
    try {
      const answer = await requestJson(`${endpoints.rooms()}?limit=${LIMIT}`, { token })
      this.rooms.value = (answer as { rooms: ListedRoom[] }).rooms
    } catch {
      // The list of before stands until the next try; the connection's state tells the reader more.
    }
  }
}
