/**
 * Calls `wake` when there is reason to believe that the network is back: the browser went
 * online or the page became visible. Does nothing where there are no such events, as in Node.
 * Returns what ends it.
 */
export function watchWake(wake: () => void): () => void {
  const page = typeof document === 'object' ? document : undefined
  const visible = () => {
    if (page?.visibilityState === 'visible') wake()
  }
  globalThis.addEventListener?.('online', wake)
  page?.addEventListener('visibilitychange', visible)
  return () => {
    globalThis.removeEventListener?.('online', wake)
    page?.removeEventListener('visibilitychange', visible)
  }
}

/** The browser says that it has no network; that it says nothing means nothing. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false
}
