/**
 * Longest page of messages in one reply, in UTF-16 units of JSON: even at three bytes a unit it
 * leaves a client that reads room below the limit at which it would count as slow.
 */
export function pageLength(config: { readonly maxBufferedBytes: number }): number {
  return Math.floor(config.maxBufferedBytes / 4)
}
