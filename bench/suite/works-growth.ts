import { chat, count, idleMembers, MOST_CONNECTIONS, oneSender, pairs, type Work } from './work.js'

/** Those whose figures say how Parley's grow. */
const GROWTH_PEERS = ['parley', 'bun', 'socketio']

/** Messages a second over all rooms, where only their number grows. */
const OVER_ALL_ROOMS = 2000

/** How costs grow with members, rooms and connections. */
export const growthWorks: readonly Work[] = [
  {
    name: 'growth-members',
    title: 'Growth: members of a room',
    about: 'The same burst into ever larger rooms.',
    unit: 'delivered frame',
    peers: GROWTH_PEERS,
    rounds: 2,
    cases: ({ members = [10, 100, 1000, 5000], inFlight = [8] }) =>
      pairs(members, inFlight).map(([n, k]) => oneSender(n, k)),
  },
  {
    name: 'growth-rooms',
    title: 'Growth: rooms',
    about: `${count(OVER_ALL_ROOMS)} messages a second, spread over ever more rooms of one member.`,
    unit: 'delivered frame',
    peers: GROWTH_PEERS,
    rounds: 2,
    cases: ({ rooms = [1, 100, 1000, 10_000] }) =>
      rooms.map((n) =>
        chat(`${count(n)} room${n === 1 ? '' : 's'}`, { rooms: n, rate: OVER_ALL_ROOMS / n }),
      ),
  },
  {
    name: 'growth-connections',
    title: 'Growth: connections',
    about: 'Memory of each idle member, as there are more.',
    unit: 'connection',
    peers: GROWTH_PEERS,
    rounds: 2,
    cases: ({ connections = [1000, 5000, 10_000, MOST_CONNECTIONS], members = [100] }) =>
      pairs(connections, members).map(([n, m]) => idleMembers(n, m)),
  },
]
