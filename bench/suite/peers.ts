import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as dialects from './dialects.js'
import { PEERS, SERVER } from './folders.js'
import { NCHAN_MODULE, nchanConfig } from './nchan.js'

/** Where a server runs: a free port, a folder of its own. */
export interface Place {
  readonly port: number
  readonly dir: string
  /** The key that the generator's tokens are signed with. */
  readonly secret: string
  /** The binary that runs Node servers. */
  readonly node: string
}

export interface Launch {
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A server to measure. */
export interface Peer {
  readonly name: string
  readonly title: string
  readonly dialect: dialects.Dialect
  /** Why it cannot be measured here, if so. */
  readonly missing?: () => string | undefined
  readonly launch: (place: Place) => Launch
  /** Only where named: variants that most works tell nothing about. */
  readonly optional?: boolean
}

const installed = (name: string) => () =>
  existsSync(join(PEERS, 'node_modules', name)) ? undefined : `${name} is not installed`

/** Parley as it is deployed, with its limits of rates lifted. */
function parley(name: string, title: string, settings: Record<string, string>): Peer {
  return {
    name,
    title,
    dialect: dialects.parley,
    optional: name !== 'parley' && name !== 'parley-memory',
    launch: ({ port, dir, secret, node }) => ({
      command: [node, SERVER],
      env: {
        PORT: String(port),
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        JWT_SECRET: secret,
        LOG_LEVEL: 'warn',
        DATA_DIR: join(dir, 'data'),
        DURABILITY: 'commit',
        RATE_LIMIT_MESSAGES: '0',
        RATE_LIMIT_REQUESTS: '0',
        DRAIN_SECONDS: '0',
        ...settings,
      },
    }),
  }
}

function nodePeer(name: string, title: string, needs: string, dialect: dialects.Dialect): Peer {
  return {
    name,
    title,
    dialect,
    missing: installed(needs),
    launch: ({ port, node }) => ({
      command: [node, join(PEERS, `${name}.js`)],
      env: { PORT: String(port), NODE_ENV: 'production' },
    }),
  }
}

/** All that can be measured, in the order of the tables. */
export const peers: readonly Peer[] = [
  parley('parley', 'Parley', {}),
  parley('parley-memory', 'Parley, log in memory', { DATA_DIR: ':memory:' }),
  parley('parley-durable', 'Parley, DURABILITY=flush', { DURABILITY: 'flush' }),
  parley('parley-flush-5', 'Parley, FLUSH_MS=5', { FLUSH_MS: '5' }),
  parley('parley-memory-flush-5', 'Parley, log in memory, FLUSH_MS=5', {
    DATA_DIR: ':memory:',
    FLUSH_MS: '5',
  }),
  {
    name: 'bun',
    title: 'Bun',
    dialect: dialects.json,
    missing: installed('bun'),
    launch: ({ port }) => ({
      command: [bunBinary(), join(PEERS, 'bun.js')],
      env: { PORT: String(port), NODE_ENV: 'production' },
    }),
  },
  nodePeer('socketio', 'Socket.IO', 'socket.io', dialects.socketio),
  {
    ...nodePeer('socketio-redis', 'Socket.IO over Redis', 'socket.io', dialects.socketio),
    missing: installed('@socket.io/redis-adapter'),
    optional: true,
  },
  nodePeer('fastify-ws', '@fastify/websocket', '@fastify/websocket', dialects.json),
  {
    name: 'nchan',
    title: 'nginx + nchan',
    dialect: dialects.nchan,
    missing: () => (existsSync(NCHAN_MODULE) ? undefined : 'nginx with nchan is not installed'),
    launch: ({ port, dir }) => ({
      command: ['nginx', '-p', dir, '-c', nchanConfig(port, dir), '-g', 'daemon off;'],
    }),
  },
]

/** The real binary: a launcher would be one process more to measure. */
function bunBinary(): string {
  return join(PEERS, 'node_modules/bun/bin/bun.exe')
}
