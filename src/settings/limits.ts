import { choice, integer, MAX_COUNT } from './kinds.js'

/** What clients may do, and how much of it. */
export const limits = {
  compression: choice(['off', 'on'], 'off', {
    description:
      'Compress WebSocket messages (permessage-deflate) for clients that offer it. Off, because compressed secrets can be guessed from lengths and it costs time: see docs/transports.md.',
    example: 'on',
  }),
  compressionMinBytes: integer(512, 0, MAX_COUNT, {
    description: 'Shorter messages are sent uncompressed.',
    unit: 'bytes',
    example: '1024',
  }),
  maxMessageBytes: integer(65_536, 1, 16_777_216, {
    description: 'Largest message from a client, after inflating.',
    unit: 'bytes',
    example: '16384',
  }),
  maxBufferedBytes: integer(1_048_576, 65_536, MAX_COUNT, {
    description: 'Most bytes waiting for one slow client before it is closed with 4008.',
    unit: 'bytes',
    example: '4194304',
  }),
  maxConnections: integer(0, 0, MAX_COUNT, {
    description: 'Connections of this process; 0 = no limit.',
    example: '20000',
  }),
  maxConnectionsPerUser: integer(100, 0, MAX_COUNT, {
    description: 'Connections of one user; 0 = no limit.',
    example: '10',
  }),
  maxConnectionsPerAddress: integer(0, 0, MAX_COUNT, {
    description: 'Connections from one address; 0 = no limit.',
    example: '200',
  }),
  maxRoomsPerConnection: integer(100, 1, 100_000, {
    description: 'Rooms that one connection may be in.',
    example: '20',
  }),
  rateLimitMessages: integer(50, 0, 1_000_000, {
    description:
      'Actions a second of one connection, sustained; 0 = no limit. `history` and `auth` count as 5, `members` as 2.',
    example: '10',
  }),
  rateLimitBurst: integer(100, 1, 1_000_000, {
    description: 'Actions of one connection at once.',
    example: '20',
  }),
  rateLimitRequests: integer(600, 0, MAX_COUNT, {
    description:
      'REST requests and handshakes a minute of one user, or of one address without a valid token, over all nodes; 0 = no limit.',
    example: '6000',
  }),
}
