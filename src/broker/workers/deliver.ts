import type { GuardedHandler } from '../guarded-handler.js'
import type { Item } from './items.js'

/** Hands a worker's handler what the owner tells. Anything else is left alone. */
export function deliver(item: Item, text: string, handler: GuardedHandler): void {
  switch (item[0]) {
    case 'message': {
      const [, room, epoch, offset, time] = item
      const message = { offset, time, json: text }
      handler.tell((to) => to.message(room, epoch, message))
      return
    }
    case 'reset':
      handler.tell((to) => to.reset(item[1], item[2]))
      return
    case 'presence':
      handler.tell((to) => to.presence(item[1], item[2]))
      return
    case 'signal':
      handler.tell((to) => to.signal(item[1], item[2]))
      return
    case 'command':
      handler.tell((to) => to.command(item[1]))
  }
}
