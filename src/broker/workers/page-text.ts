import type { Page } from '../broker.js'

/** A page as it travels: its messages' JSON goes as one text beside it, as it is. */
export interface PageHead {
  readonly epoch: string
  readonly offset: number
  readonly first: number
  readonly more: boolean
  /** Of each message: offset, time, length of its JSON. */
  readonly messages: readonly (readonly [offset: number, time: number, length: number])[]
}

/** Parts a page into its head and the text of its messages. */
export function partPage({ messages, ...page }: Page): { head: PageHead; text: string } {
  const head: PageHead = {
    ...page,
    messages: messages.map(({ offset, time, json }) => [offset, time, json.length]),
  }
  return { head, text: messages.map(({ json }) => json).join('') }
}

/** The page that was parted. */
export function joinPage({ messages, ...page }: PageHead, text: string): Page {
  let at = 0
  const read = messages.map(([offset, time, length]) => {
    const json = text.slice(at, at + length)
    at += length
    return { offset, time, json }
  })
  return { ...page, messages: read }
}
