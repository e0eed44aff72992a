import { signal } from '@preact/signals'
import { hashOfRoom, roomInHash } from '../model/route.js'

/** The room that the address names: `/#/room/8888`. */
export const route = signal(roomInHash(location.hash))

addEventListener('hashchange', () => {
  route.value = roomInHash(location.hash)
})

/** Goes to a room, or to the front. */
export function goTo(room: string | undefined): void {
  location.hash = room === undefined ? '#/' : hashOfRoom(room)
}
