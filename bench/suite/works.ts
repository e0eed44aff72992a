import type { Load } from './plan.js'

/** One figure to take of every peer. */
export interface Case {
  readonly label: string
  readonly load: Load
  /** Which endpoint it is about. */
  readonly endpoint: 'chat' | 'echo'
  /** Instead of the peers that are measured by default. */
  readonly peers?: readonly string[]
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
  /** What one unit of the figures is: what CPU is divided by. */
  readonly unit: string
  readonly cases: (wanted: Wanted) => Case[]
}

const count = (n: number) => n.toLocaleString('en')

/** Every combination of two lists. */
function pairs<A, B>(as: readonly A[], bs: readonly B[]): [A, B][] {
  return as.flatMap((a) => bs.map((b): [A, B] => [a, b]))
}

const chat = (label: string, load: Omit<Load, 'work'>): Case => ({
  label,
  endpoint: 'chat',
  load: { work: 'chat', ...load },
})

/** All works, by the name on the command line. */
export const works: readonly Work[] = [
  {
    name: 'fanout',
    title: 'One sender, many members',
    unit: 'delivered frame',
    cases: ({ members = [100, 1000, 5000], inFlight = [8] }) =>
      pairs(members, inFlight).map(([n, k]) =>
        chat(`1 → ${count(n)} members, ${k} in flight`, { members: n, in_flight: k }),
      ),
  },
  {
    name: 'busy',
    title: 'A busy room, everybody sends',
    unit: 'delivered frame',
    cases: ({ members = [200], inFlight = [1] }) =>
      pairs(members, inFlight).map(([n, k]) =>
        chat(`${count(n)} members all sending, ${k} in flight each`, {
          members: n,
          senders: n,
          in_flight: k,
        }),
      ),
  },
  {
    name: 'single',
    title: 'One sender, nothing to batch',
    unit: 'delivered frame',
    cases: ({ members = [1000], inFlight = [1] }) =>
      pairs(members, inFlight).map(([n, k]) =>
        chat(`1 → ${count(n)} members, ${k} in flight`, { members: n, in_flight: k }),
      ),
  },
  {
    name: 'paced',
    title: 'One sender by the clock',
    unit: 'delivered frame',
    cases: ({ members = [1000], rate = [20] }) =>
      pairs(members, rate).map(([n, r]) =>
        chat(`1 → ${count(n)} members, ${count(r)} messages/s`, { members: n, rate: r }),
      ),
  },
  {
    name: 'rooms',
    title: 'Many small rooms',
    unit: 'delivered frame',
    cases: ({ rooms = [1000], members = [5], inFlight = [1] }) =>
      pairs(pairs(rooms, members), inFlight).flatMap(([[r, n], k]) =>
        [1, n].map((senders) =>
          chat(
            `${count(r)} rooms × ${n}, ${senders === 1 ? 'one sender' : 'all sending'}, ${k} in flight each`,
            { rooms: r, members: n, senders, in_flight: k },
          ),
        ),
      ),
  },
  {
    name: 'echo',
    title: 'Echo',
    unit: 'message',
    cases: ({ connections = [64], inFlight = [16] }) =>
      pairs(connections, inFlight).map(([n, k]) => ({
        label: `${count(n)} connections, ${k} in flight each`,
        endpoint: 'echo',
        load: { work: 'echo', connections: n, in_flight: k },
      })),
  },
  {
    name: 'handshakes',
    title: 'Handshakes',
    unit: 'handshake',
    cases: ({ connections = [64] }) =>
      connections.map((n) => ({
        label: `${count(n)} at a time`,
        endpoint: 'chat',
        load: { work: 'handshakes', connections: n, at_once: n },
      })),
  },
  {
    name: 'idle',
    title: 'Idle members',
    unit: 'connection',
    cases: ({ connections = [10_000], members = [100] }) =>
      pairs(connections, members).map(([n, m]) => ({
        label: `${count(n)} connections, in rooms of ${count(m)}`,
        endpoint: 'chat',
        load: { work: 'idle', connections: n, rooms: Math.ceil(n / m), warmup: 1, seconds: 2 },
      })),
  },
]
