import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Page } from './api.js'
import { noteFailure } from './session.js'

/** How often a list is read again, milliseconds. */
const EVERY = 5000

/** A list that is read again while it is shown. */
export interface Listing<T> {
  readonly page: Signal<Page<T> | undefined>
  /** Where the page begins; undefined for the first one. */
  readonly cursor: Signal<string | undefined>
  reload(): Promise<void>
}

/** Keeps one page of a list up to date. `key` changes with the search. */
export function usePage<T>(
  key: string,
  load: (cursor: string | undefined) => Promise<Page<T>>,
): Listing<T> {
  const page = useSignal<Page<T> | undefined>(undefined)
  const cursor = useSignal<string | undefined>(undefined)
  const newest = useSignal(0)
  const reload = async () => {
    const turn = ++newest.value
    try {
      const loaded = await load(cursor.value)
      if (turn === newest.peek()) page.value = loaded
    } catch (error) {
      noteFailure(error)
    }
  }
  useEffect(() => {
    cursor.value = undefined
  }, [key])
  useEffect(() => {
    void reload()
    const timer = setInterval(() => {
      if (!document.hidden) void reload()
    }, EVERY)
    return () => clearInterval(timer)
  }, [key, cursor.value])
  return { page, cursor, reload }
}
