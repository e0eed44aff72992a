/** A line of the echo tester's log. */
export interface LogEntry {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly direction: 'out' | 'in' | 'event'
  readonly type: 'text' | 'binary' | 'connect' | 'open' | 'close' | 'error'
  /** Bytes of a message. */
  readonly size?: number
  /** Milliseconds from sending to the echo. */
  readonly roundTrip?: number
  /** The text, the bytes as hex, or what happened. Cut where `cut` says so. */
  readonly content: string
  readonly cut?: true
}

/** Most entries that are kept; the oldest go first. */
export const LOG_LIMIT = 500

/** Most characters of a message that the log keeps. */
export const CONTENT_LIMIT = 4096

export function addEntry(log: readonly LogEntry[], entry: Omit<LogEntry, 'id'>): LogEntry[] {
  const id = (log.at(-1)?.id ?? 0) + 1
  const cut = entry.content.length > CONTENT_LIMIT
  const kept = cut
    ? { ...entry, content: entry.content.slice(0, CONTENT_LIMIT), cut: true as const }
    : entry
  return [...log.slice(1 - LOG_LIMIT), { ...kept, id }]
}

export interface LogFilter {
  readonly direction: LogEntry['direction'] | 'all'
  /** Only entries whose content has this, in any case. */
  readonly text: string
}

export function filterLog(log: readonly LogEntry[], filter: LogFilter): readonly LogEntry[] {
  const text = filter.text.trim().toLowerCase()
  if (filter.direction === 'all' && text === '') return log
  return log.filter(
    ({ direction, content }) =>
      (filter.direction === 'all' || filter.direction === direction) &&
      content.toLowerCase().includes(text),
  )
}
