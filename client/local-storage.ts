import { randomId } from './clock.js'
import { defer } from './deferred.js'
import type { OutboxStore, StoredSend } from './store.js'

/** How long to wait for another page's lock before taking that page for alive, milliseconds. */
const LOCK_TIMEOUT = 1000

/**
 * Keeps waiting messages in `localStorage`, so that a reload or a crash of the page loses none.
 *
 * Several tabs may use one key: each page writes an item of its own, and holds a Web Lock of that
 * item's name as long as it lives. A new page takes over the items it can lock, so that what one
 * left behind is taken over by exactly one other. Where there are no Web Locks (pages that are
 * neither `https` nor local) it takes over all; the server still stores each message once.
 *
 * @param key - Tells applications and users apart. Put the user's id into it, or what one user
 * could not send is sent by the next one who uses the browser.
 */
export function localStorageOutbox(key: string): OutboxStore {
  const own = `${key}/${randomId()}`
  let sends: StoredSend[] = []
  const closed = defer<void>()
  const save = () => localStorage.setItem(own, JSON.stringify(sends))
  const takeOver = (name: string) => {
    const left: StoredSend[] = JSON.parse(localStorage.getItem(name) ?? '[]')
    sends = [...left, ...sends]
    save()
    localStorage.removeItem(name)
    return left
  }

  return {
    async load() {
      void withLock(own, () => closed.promise)
      const names = Object.keys(localStorage).filter(
        (name) => name !== own && name.slice(0, name.lastIndexOf('/')) === key,
      )
      const lists = await Promise.all(names.map((name) => withLock(name, () => takeOver(name))))
      return lists.flatMap((list) => list ?? [])
    },
    add({ room, id, json }) {
      sends.push({ room, id, json })
      save()
    },
    remove({ room, id }) {
      sends = sends.filter((send) => send.room !== room || send.id !== id)
      save()
    },
    close: closed.resolve,
  }
}

/** Does `work` while holding a lock. Undefined when another page has it. */
async function withLock<T>(name: string, work: () => T | Promise<T>): Promise<T | undefined> {
  const { locks } = navigator
  if (!locks) return work()
  const signal = AbortSignal.timeout(LOCK_TIMEOUT)
  return locks.request(name, { signal }, work).catch((error): undefined => {
    if (!signal.aborted) throw error
  }) as Promise<T | undefined>
}
