import type { LogFigures } from '../log.js'
import { short, table } from './table.js'

/** The log's figures as two tables in Markdown. */
export function logTables({ appends, pages }: LogFigures): string {
  const head = 'durability,rooms,in flight,appends/s,p50 ms,p99 ms,loop p99 ms,CPU µs an append'
  const rows = appends.map(({ durability, rooms, inFlight, perSecond, p50, p99, loopP99, cpu }) => [
    durability,
    ...[rooms, inFlight, perSecond].map((n) => Math.round(n).toLocaleString('en')),
    ...[p50, p99, loopP99, cpu].map(short),
  ])
  const first = pages[0]?.p50 ?? Number.NaN
  const pageRows = pages.map(({ messages, p50, p99 }) => [
    messages.toLocaleString('en'),
    p50.toFixed(3),
    p99.toFixed(3),
    short(p50 / first),
  ])
  return [
    '200 bytes of payload, caller and log in one process.',
    table(head.split(','), rows),
    table(['messages in the room', 'newest 100, p50 ms', 'p99 ms', '× the first'], pageRows),
  ].join('\n\n')
}
