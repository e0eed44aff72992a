import { chat, count, MOST_CONNECTIONS, pairs, type Work } from './work.js'

/** What must hold whatever clients do, and over time. */
export const correctnessWorks: readonly Work[] = [
  {
    name: 'correctness',
    title: 'Correctness under disturbance',
    about: 'Every member must get every message once and in order, whatever clients do.',
    unit: 'delivered frame',
    table: 'faults',
    rounds: 1,
    cases: () => [
      chat('frames cut in two at every byte, or sent byte by byte', {
        rooms: 10,
        members: 10,
        senders: 10,
        split: true,
      }),
      chat('pings in between', { rooms: 10, members: 20, senders: 20, pings: true }),
      chat('a reader that stalls for a second and goes on', { members: 100, rate: 300, stall: 1 }),
      chat('a reader that is dead', { members: 50, senders: 50, dead: true }),
    ],
  },
  {
    name: 'soak',
    title: 'Soak: as many connections as fit, one slow reader in every room',
    about:
      'Slow readers take 200 bytes a second of about 2,300; closed as too slow (`MAX_BUFFERED_BYTES=131072`), they come back.',
    unit: 'delivered frame',
    table: 'slices',
    peers: ['parley'],
    rounds: 1,
    cases: ({ connections = [MOST_CONNECTIONS], members = [100], rate = [2] }) =>
      pairs(pairs(connections, members), rate).map(([[n, m], r]) => ({
        ...chat(`${count(n)} connections, rooms of ${count(m)}, ${r} messages/s each`, {
          rooms: Math.floor(n / m),
          members: m,
          rate: r,
          payload: 1024,
          seconds: 180,
          slow_bytes: 200,
          slices: 18,
        }),
        env: { MAX_BUFFERED_BYTES: '131072' },
      })),
  },
]
