import { createEmbeddedBroker } from '../../src/broker/embedded/embedded.js'
import { openLmdbStore } from '../../src/broker/embedded/lmdb-store.js'
import { openLogStore } from '../../src/broker/embedded/log-store.js'
import type { Durability } from '../../src/broker/embedded/store.js'
import { systemClock } from '../../src/clock.js'
import { Recorder } from '../contract/recorder.js'
import { obey } from './appender-tasks.js'

/**
 * A process of its own that appends to the log in a directory what it is told, to be killed at any
 * moment: `node appender.js <directory> <durability> <bytes of a segment of the journal, 0 = no journal>`.
 */
const [, , dir = '', durability, segmentSize] = process.argv

const broker = createEmbeddedBroker({
  store:
    segmentSize === '0'
      ? await openLmdbStore({ dir })
      : await openLogStore({ dir, segmentSize: Number(segmentSize) }),
  clock: systemClock,
  durability: durability as Durability,
  historyMessages: 100_000,
  historySeconds: 86_400,
})
await broker.start(new Recorder())

obey(broker)
