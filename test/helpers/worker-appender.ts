import { Socket } from 'node:net'
import { createWorkersBroker } from '../../src/broker/workers/workers.js'
import { systemClock } from '../../src/clock.js'
import { LOG_FD } from '../../src/cluster/messages.js'
import { Recorder } from '../contract/recorder.js'
import { obey } from './appender-tasks.js'

/**
 * A worker that appends what it is told to the log of the process that started it, to be killed at
 * any moment. It is a member of the room `here`, under its process' number.
 */
const broker = createWorkersBroker({
  stream: new Socket({ fd: LOG_FD }),
  clock: systemClock,
  ownerGone: () => process.exit(1),
})
await broker.start(new Recorder())
await broker.enter('here', { user: `${process.pid}`, nick: 'worker' })
obey(broker)
