import { type BarPanel, barChart } from './chart-bars.js'
import { type LinePanel, lineChart } from './chart-lines.js'
import { measured } from './markdown.js'
import { type Figures, figuresOf } from './measurement.js'
import type { Load } from './plan.js'
import type { CaseResult, WorkResult } from './results.js'

/** Shorter than their titles, for charts. */
const LABELS: Readonly<Record<string, string>> = {
  parley: 'Parley',
  bun: 'Bun',
  socketio: 'Socket.IO',
  'fastify-ws': '@fastify/websocket',
  nchan: 'nginx + nchan',
}

/** Charts of what has been measured, by name. */
export function charts(results: readonly WorkResult[]): [name: string, svg: string][] {
  const all: [string, string][] = []
  const bars = BARS.flatMap(([work, chosen, title, of]) => {
    const cases = results.find(({ name }) => name === work)?.cases ?? []
    const item = cases.find(({ load }) => has(load, chosen))
    return item ? [barPanel(item, title, of)] : []
  })
  const cost = 'CPU microseconds of the server a delivered frame; shorter is better'
  if (bars.length > 0) all.push(['cost', barChart('What a delivery costs', cost, bars)])
  const lines = LINES.flatMap(([work, title, at, of]) => {
    const cases = results.find(({ name }) => name === work)?.cases
    return cases && cases.length > 1 ? [linePanel(cases, title, at, of)] : []
  })
  const growth = 'both scales logarithmic; lower is better'
  if (lines.length > 0) all.push(['growth', lineChart('How costs grow', growth, lines)])
  return all
}

const cpu = ({ cpu }: Figures) => cpu
const perConnection = ({ perConnection }: Figures) => perConnection

type Of = (figures: Figures) => number

/** What the case of a panel has, where a work has several. */
type Chosen = Partial<Load>

const BARS: readonly [work: string, chosen: Chosen, title: string, of: Of][] = [
  ['fanout', { members: 1000, in_flight: 8 }, '1 → 1,000 members, 8 in flight', cpu],
  ['busy', { members: 200 }, '200 members, all sending', cpu],
  ['single', { members: 1000 }, '1 → 1,000 members, one in flight', cpu],
  ['rooms', { rooms: 1000, senders: 5 }, '1,000 rooms × 5, all sending', cpu],
  ['echo', { in_flight: 16 }, 'Echo, 64 connections × 16 in flight', cpu],
  ['idle', {}, 'Idle member, KB of memory', perConnection],
]

const LINES: readonly [work: string, title: string, at: (item: CaseResult) => number, of: Of][] = [
  ['growth-members', 'CPU µs a frame, by members of a room', ({ load }) => load.members ?? 0, cpu],
  ['growth-rooms', 'CPU µs a frame, by rooms', ({ load }) => load.rooms ?? 0, cpu],
  [
    'growth-connections',
    'KB each, by idle connections',
    ({ load }) => load.connections ?? 0,
    perConnection,
  ],
]

function has(load: Load, chosen: Chosen): boolean {
  return Object.entries(chosen).every(([name, value]) => load[name as keyof Load] === value)
}

function barPanel({ runs }: CaseResult, title: string, of: Of): BarPanel {
  const bars = measured(runs).flatMap(({ name }) => {
    const label = LABELS[name]
    return label ? [{ name, label, value: of(figuresOf(name, runs)) }] : []
  })
  return { title, bars }
}

function linePanel(
  cases: readonly CaseResult[],
  title: string,
  at: (item: CaseResult) => number,
  of: Of,
): LinePanel {
  const peers = measured(cases[0]?.runs ?? [])
  const lines = peers.map(({ name }) => ({
    name,
    label: LABELS[name] ?? name,
    values: cases.map(({ runs }) => of(figuresOf(name, runs))),
  }))
  return { title, at: cases.map(at), lines }
}
