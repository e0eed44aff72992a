/**
 * Addresses of the service, told from the page's own: `/` and `/echo` are siblings of `/chat`,
 * `/ws` and the rest, whatever the prefix that the service is mounted under.
 */
export function sibling(path: string): URL {
  const url = new URL(path, document.baseURI)
  url.search = ''
  url.hash = ''
  return url
}

function socket(path: string): string {
  const url = sibling(path)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

export const endpoints = {
  chat: () => socket('chat'),
  echo: () => socket('ws'),
  guests: () => sibling('guests').href,
  rooms: () => sibling('rooms').href,
  /** The page of a room, as one would share it. */
  roomLink: (hash: string) => new URL(hash, sibling('./')).href,
}
