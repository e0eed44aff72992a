import { effect } from '@preact/signals'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'

/** Keeps the document's title: "(3) 8888 · Parley". Returns what ends it. */
export function watchTitle(chat: Chat): () => void {
  const stop = effect(() => {
    const room = chat.current.value?.name
    const unread = chat.unread.value
    const title = room === undefined ? strings.product : `${room} · ${strings.product}`
    document.title = unread > 0 ? `(${unread}) ${title}` : title
  })
  return () => {
    stop()
    document.title = strings.product
  }
}
