import type { Violation } from './checker.js'
import type { HistoryEvent } from './history.js'

/** Events before the violation that are shown of the same client and room. */
const CONTEXT = 4

/**
 * The smallest part of a history that shows a violation: the events that contradict each other,
 * everything else that was said of the same message, what the clients concerned did in that room
 * just before, and the faults in between.
 */
export function explain(violation: Violation, history: readonly HistoryEvent[]): string[] {
  const shown = new Set(violation.events)
  const cores = violation.events.map((index) => history[index] as HistoryEvent)
  const ids = new Set(cores.flatMap((event) => ('id' in event ? [event.id] : [])))
  for (const [index, event] of history.entries()) {
    if ('id' in event && ids.has(event.id) && event.type !== 'message') shown.add(index)
  }
  for (const index of violation.events) {
    for (const before of contextOf(index, history)) shown.add(before)
  }
  const first = Math.min(...shown)
  const last = Math.max(...shown)
  for (let index = first; index < last; index++) {
    if (history[index]?.type === 'fault') shown.add(index)
  }
  const start = history[0]?.at ?? 0
  const lines = [...shown].sort((a, b) => a - b).map((index) => line(history, index, start))
  return [`${violation.rule}: ${violation.text}`, ...lines]
}

/** What the same client did and was told in the same room just before. */
function contextOf(index: number, history: readonly HistoryEvent[]): number[] {
  const event = history[index] as HistoryEvent
  const room = 'room' in event ? event.room : undefined
  const found: number[] = []
  for (let i = index - 1; i >= 0 && found.length < CONTEXT; i--) {
    const other = history[i] as HistoryEvent
    if (other.client !== event.client) continue
    if (!('room' in other) || other.room === room) found.push(i)
  }
  return found
}

function line(history: readonly HistoryEvent[], index: number, start: number): string {
  const { at, client, type, ...rest } = history[index] as HistoryEvent & { body?: string }
  if (rest.body && rest.body.length > 60) rest.body = `${rest.body.slice(0, 60)}…`
  const details = Object.entries(rest).map(([key, value]) => `${key}=${value}`)
  const seconds = ((at - start) / 1000).toFixed(3).padStart(8)
  return `  #${index} ${seconds} s  ${client ?? '*'}  ${type} ${details.join(' ')}`.trimEnd()
}
