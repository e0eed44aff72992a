const ROOM = '#/room/'

/** The room that a page's hash leads to, or undefined for the page's front. */
export function roomInHash(hash: string): string | undefined {
  if (!hash.startsWith(ROOM)) return undefined
  try {
    return decodeURIComponent(hash.slice(ROOM.length)) || undefined
  } catch {
    return undefined
  }
}

/** The hash that leads to a room. */
export function hashOfRoom(name: string): string {
  return `${ROOM}${encodeURIComponent(name)}`
}
