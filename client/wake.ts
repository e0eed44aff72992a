/**
 * Calls `wake` when there is reason to believe that the network is back: the browser went
 * online or the page became visible. Does nothing where there are no such events, as in Node.
 * Returns what ends it.
 */
export function watchWake(wake: () => void): () => void {
  const end = new AbortController()
  const page = globalThis.document
  globalThis.addEventListener?.('online', wake, end)
  page?.addEventListener('visibilitychange', () => page.hidden || wake(), end)
  return () => end.abort()
}

/** The browser says that it has no network; that it says nothing means nothing. */
export const isOffline = () => globalThis.navigator?.onLine === false
