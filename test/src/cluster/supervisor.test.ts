import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import pino from 'pino'
import t from 'tap'
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../../src/broker/embedded/log-store.js'
import { LogOwner } from '../../../src/broker/workers/owner.js'
import { systemClock } from '../../../src/clock.js'
import { Supervisor } from '../../../src/cluster/supervisor.js'

/** Whether it is a zombie, with none of its threads left. */
const hasDied = (pid: number): boolean =>
  /^State:\s+Z[\s\S]*^Threads:\s+1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

const noProc = existsSync('/proc/self/status') ? false : 'there is no /proc here'

t.test(
  'a worker that dies amid what it is handed takes nothing else down',
  {
    skip: noProc,
  },
  async (t) => {
    const base = { clock: systemClock, onError: (error: unknown) => t.fail(String(error)) }
    const store = await openLogStore({ dir: t.testdir() })
    const broker = createEmbeddedBroker({
      ...base,
      store,
      durability: 'commit',
      historyMessages: 100,
      historySeconds: 0,
    })
    const owner = new LogOwner({ ...base, broker })
    await owner.start()
    t.teardown(() => owner.close())
    const ended = new Promise<string>((resolve) => {
      const supervisor = new Supervisor({
        workers: 1,
        env: { PORT: '0', LOG_LEVEL: 'fatal' },
        clock: systemClock,
        log: pino({ level: 'error' }, { write: (line) => resolve(line) }),
        serveLog: (socket) => owner.serve(socket),
        measure: async () => '',
        onDrain: () => {},
        onFailure: t.fail,
      })
      t.teardown(() => supervisor.stop(0))
      supervisor.start().then(() => {
        const [worker] = Object.values(cluster.workers ?? {})
        const { pid } = worker?.process ?? {}
        process.kill(pid as number, 'SIGKILL')
        // In this very turn, in which nothing of its end can have been seen.
        while (!hasDied(pid as number));
        worker?.process.send({ cmd: 'NODE_CLUSTER', act: 'newconn', key: 'none' })
      }, t.threw)
    })
    t.match(await ended, /"how":"SIGKILL".*"msg":"a worker ended"/)
  },
)
