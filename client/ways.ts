import type { Settings } from './options.js'
import type { SocketConstructor } from './socket.js'

/** Where the next page of this tab reads until when the fallback is tried first. */
const KEY = 'parley.fallback'

/**
 * Says with what a try to connect goes. Where a WebSocket never opened it is every second try that
 * goes without, where one did it is every fourth: a server that is away is not taken for a proxy
 * in the way. What got through without a WebSocket is tried first for a while.
 * @param retries tries since the last welcome
 * @param known whether there was one
 */
export function chooseWay({
  WebSocket,
  fallback,
  clock,
}: Settings): (retries: number, known: boolean) => Promise<SocketConstructor> | SocketConstructor {
  let until = 0
  try {
    until = +(sessionStorage.getItem(KEY) as string)
  } catch {
    // There is no storage, or none for this page.
  }
  return (retries, known) => {
    const first = until > clock.now()
    const every = first || !known ? 2 : 4
    if (!fallback || (retries + +first) % every < every - 1) return WebSocket
    return import('./sse.js').then(
      ({ fallbackSocket }) =>
        fallbackSocket(WebSocket, clock, (time) => {
          until = time
          sessionStorage.setItem(KEY, `${time}`)
        }),
      () => WebSocket,
    )
  }
}
