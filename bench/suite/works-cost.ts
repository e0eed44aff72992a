import { chat, count, idleMembers, oneSender, pairs, type Work } from './work.js'

/** What messages, handshakes and idle members cost. */
export const costWorks: readonly Work[] = [
  {
    name: 'fanout',
    title: 'One sender, many members',
    about: 'A burst into one room: the sender has 8 messages under way.',
    unit: 'delivered frame',
    cases: ({ members = [100, 1000, 5000], inFlight = [8] }) =>
      pairs(members, inFlight).map(([n, k]) => oneSender(n, k)),
  },
  {
    name: 'busy',
    title: 'A busy room, everybody sends',
    about: 'Each member sends its next message when its last one has come back.',
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
    about: 'Each message waits for the one before: every delivery is a write of its own.',
    unit: 'delivered frame',
    cases: ({ members = [1000], inFlight = [1] }) =>
      pairs(members, inFlight).map(([n, k]) => oneSender(n, k)),
  },
  {
    name: 'paced',
    title: 'One sender by the clock',
    about: 'Latency counts from when a message was due, to every member.',
    unit: 'delivered frame',
    cases: ({ members = [1000], rate = [20] }) =>
      pairs(members, rate).map(([n, r]) =>
        chat(`1 → ${count(n)} members, ${count(r)} messages/s`, {
          members: n,
          rate: r,
          seconds: 4,
        }),
      ),
  },
  {
    name: 'rooms',
    title: 'Many small rooms',
    about: 'Little to share: a message is parsed, stored and encoded for five.',
    unit: 'delivered frame',
    cases: ({ rooms = [1000], members = [5], inFlight = [1] }) =>
      pairs(pairs(rooms, members), inFlight).flatMap(([[r, n], k]) =>
        [1, n].map((senders) => {
          const who = senders === 1 ? 'one sender' : 'all sending'
          return chat(`${count(r)} rooms × ${n}, ${who}, ${k} in flight each`, {
            rooms: r,
            members: n,
            senders,
            in_flight: k,
          })
        }),
      ),
  },
  {
    name: 'hot',
    title: 'A hot room by the clock, and FLUSH_MS',
    about:
      'All members take turns. With `FLUSH_MS=5` a busy room is written to at most every 5 ms; a quiet one at once.',
    unit: 'delivered frame',
    peers: [
      'parley',
      'parley-flush-5',
      'parley-memory',
      'parley-memory-flush-5',
      'bun',
      'socketio',
      'fastify-ws',
    ],
    cases: ({ members = [200], rate = [1000, 2000] }) =>
      pairs(members, rate).map(([n, r]) =>
        chat(`${count(n)} members, ${count(r)} messages/s`, {
          members: n,
          senders: n,
          rate: r,
          seconds: 3,
        }),
      ),
  },
  {
    name: 'echo',
    title: 'Echo',
    about: 'No room and no log: what a message in and a message out cost.',
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
    about:
      'Connections are opened and dropped; Parley verifies a token of another user each time, the others verify nothing.',
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
    about: 'Resident memory that each connection adds, a member of a room, saying nothing.',
    unit: 'connection',
    cases: ({ connections = [10_000], members = [100] }) =>
      pairs(connections, members).map(([n, m]) => idleMembers(n, m)),
  },
  {
    name: 'log',
    title: 'The log by itself',
    about: 'What the embedded log takes in, and what a page of history costs as it grows.',
    unit: 'append',
    cases: () => [],
  },
]
