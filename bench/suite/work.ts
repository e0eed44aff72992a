import type { Load } from './plan.js'

/** One figure to take of every peer. */
export interface Case {
  readonly label: string
  readonly load: Load
  /** Which endpoint it is about. */
  readonly endpoint: 'chat' | 'echo'
  /** Settings of Parley that the case is about. */
  readonly env?: Readonly<Record<string, string>>
}

/** What may be asked for on the command line instead of a work's own figures. */
export interface Wanted {
  readonly members?: readonly number[]
  readonly rooms?: readonly number[]
  readonly inFlight?: readonly number[]
  readonly rate?: readonly number[]
  readonly connections?: readonly number[]
  readonly payload?: number
}

export interface Work {
  readonly name: string
  readonly title: string
  /** What it shows, for the results. */
  readonly about: string
  /** What one unit of the figures is: what CPU is divided by. */
  readonly unit: string
  /** What the tables show: the cost (by default), only faults, or the course over time. */
  readonly table?: 'faults' | 'slices'
  /** Peers to measure unless others are named; all that are not optional by default. */
  readonly peers?: readonly string[]
  /** At most so many rounds. */
  readonly rounds?: number
  readonly cases: (wanted: Wanted) => Case[]
}

export const count = (n: number) => n.toLocaleString('en')

/** Every combination of two lists. */
export function pairs<A, B>(as: readonly A[], bs: readonly B[]): [A, B][] {
  return as.flatMap((a) => bs.map((b): [A, B] => [a, b]))
}

/** A load of rooms. */
export const chat = (label: string, load: Omit<Load, 'work'>): Case => ({
  label,
  endpoint: 'chat',
  load: { work: 'chat', ...load },
})

export const oneSender = (members: number, inFlight: number): Case =>
  chat(`1 → ${count(members)} members, ${inFlight} in flight`, { members, in_flight: inFlight })

export const idleMembers = (connections: number, members: number): Case => ({
  label: `${count(connections)} connections, in rooms of ${count(members)}`,
  endpoint: 'chat',
  load: {
    work: 'idle',
    connections,
    rooms: Math.ceil(connections / members),
    warmup: 1,
    seconds: 2,
  },
})

/** As many as fit where a process may open 20,000 files. */
export const MOST_CONNECTIONS = 19_500
