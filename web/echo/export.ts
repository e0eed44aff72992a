import type { LogEntry } from '../model/log.js'

/** Has the browser save the log as a JSON file. */
export function exportLog(log: readonly LogEntry[]): void {
  const lines = log.map(({ id, time, ...entry }) => ({
    time: new Date(time).toISOString(),
    ...entry,
  }))
  const blob = new Blob([JSON.stringify(lines, null, 2)], { type: 'application/json' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `echo-log-${new Date().toISOString().replace(/[:.]/g, '-')}.json`
  link.click()
  URL.revokeObjectURL(link.href)
}
