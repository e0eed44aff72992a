import Type from 'typebox'
import { choice, integer, MAX_COUNT, text } from './kinds.js'

/** Where rooms are kept, and how much of them. */
export const log = {
  dataDir: text('./data', {
    description: 'Folder of the embedded log; `:memory:` keeps nothing.',
    example: '/var/lib/parley',
  }),
  durability: choice(['commit', 'flush'], 'commit', {
    description:
      'When a message counts as stored: `commit` survives a crash of the process, `flush` a power cut.',
    example: 'flush',
  }),
  redisUrl: Type.Array(Type.String({ pattern: '^rediss?://[^/?#]+(/\\d*)?$' }), {
    default: [],
    rule: 'one or more redis:// or rediss:// URLs, comma-separated',
    description:
      'Keep rooms in Redis 7 or Valkey, for any number of nodes; `DATA_DIR` holds no log then. Several URLs: nodes of a cluster, or a primary and its replicas.',
    defaultText: 'none: the embedded log',
    secret: true,
    example: 'redis://localhost:6379',
  }),
  redisPrefix: text('parley', {
    description: 'What the names of all keys and channels in Redis begin with.',
    example: 'chat',
  }),
  redisWaitReplicas: integer(0, 0, 10, {
    description:
      'Replicas that must have a message before it is acknowledged (Redis’ `WAIT`): so that it survives a fail-over to one of them.',
    unit: 'replicas',
    example: '1',
  }),
  historyMessages: integer(10_000, 1, MAX_COUNT, {
    description: 'Messages kept per room.',
    example: '1000',
  }),
  historySeconds: integer(604_800, 1, MAX_COUNT, {
    description: 'How long messages are kept.',
    unit: 'seconds',
    example: '86400',
  }),
}
