import t from 'tap'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import { LogOwner } from '../../../../src/broker/workers/owner.js'
import { createWorkersBroker } from '../../../../src/broker/workers/workers.js'
import { systemClock } from '../../../../src/clock.js'
import { brokerContract } from '../../../contract/broker.js'
import { socketPair } from '../../../helpers/socket-pair.js'

t.test('the brokers of workers over one embedded log', async (t) => {
  const root = t.testdir()
  let labs = 0
  brokerContract(t, {
    open: async (settings) => {
      const onError = (error: unknown, what: string) => t.fail(what, { error })
      const store = await openLogStore({ dir: `${root}/${labs++}` })
      const base = { clock: systemClock, onError }
      const broker = createEmbeddedBroker({ ...base, ...settings, store, durability: 'commit' })
      const owner = new LogOwner({ ...base, broker })
      await owner.start()
      let disposed = false
      return {
        node: async () => {
          const [near, far] = await socketPair()
          owner.serve(far)
          const ownerGone = () => disposed || t.fail('the owner is gone')
          return createWorkersBroker({ clock: systemClock, stream: near, ownerGone })
        },
        async dispose() {
          disposed = true
          await owner.close()
        },
      }
    },
    durable: true,
    nodes: true,
  })
})
