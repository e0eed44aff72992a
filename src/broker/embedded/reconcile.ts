import type { LogEvents } from './committer.js'
import type { Head } from './heads.js'
import type { LogStore } from './store.js'

/**
 * Brings a head up to what the store says, after a commit that failed: usually nothing of it is
 * there; what is there after all is delivered like any other message, and a repeat of its append
 * finds it by its id.
 */
export function reconcile(store: LogStore, head: Head, events: LogEvents): void {
  const record = store.room(head.room)
  const epoch = record?.epoch ?? (head.record === undefined ? head.epoch : store.epoch().epoch)
  const newest = record === undefined ? 0 : (store.newest(record.key)?.offset ?? record.trimmed)
  head.record = record
  if (epoch !== head.epoch) {
    head.epoch = epoch
    head.offset = 0
    head.first = 1
    if (head.subscribed) events.reset(head)
  }
  if (record === undefined || newest <= head.offset) return
  for (const message of store.messages(record.key, head.offset + 1, newest)) {
    head.offset = message.offset
    if (head.subscribed) events.message(head, message)
  }
  head.offset = newest
}
